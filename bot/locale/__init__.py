"""Texts for people, by gettext: ``N_`` marks a sentence, ``Reader`` has it in somebody's language.

The English sentence itself is the message id. Catalogs are plain ``.po`` files beside this module; they are
compiled in memory, so no binary file has to be kept in step with them.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

__all__ = [
    "DEFAULT_LANGUAGE",
    "DOMAIN",
    "N_",
    "Reader",
    "Texts",
    "catalog_path",
    "language_of",
    "texts_for",
    "translated_languages",
]

DOMAIN = "mfabot"
DEFAULT_LANGUAGE = "en"
Texts = gettext.NullTranslations

_HERE = Path(__file__).parent
_STOPS = tuple(".:!?…。：！？")
_UNSPACED = frozenset({"ja"})
"""Languages with their own full stop and comma, and no space after them."""


def N_(message: str) -> str:
    """Mark ``message`` for extraction and give it back unchanged; it is translated where it is shown."""
    return message


def catalog_path(language: str) -> Path:
    """Where the catalog of ``language`` (an ISO 639-1 code) is kept."""
    return _HERE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


@lru_cache(maxsize=1)
def translated_languages() -> frozenset[str]:
    """The languages that have a catalog."""
    return frozenset(path.parent.parent.name for path in _HERE.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def language_of(tag: str | None) -> str:
    """The language (ISO 639-1) of a BCP 47 tag such as ``en-US``; English where there is no catalog for it."""
    language = _first_subtag(tag or "")
    return language if language in translated_languages() else DEFAULT_LANGUAGE


def _first_subtag(tag: str) -> str:
    return tag.replace("_", "-").partition("-")[0].lower()


def texts_for(tag: str | None) -> Texts:
    """The texts for a BCP 47 tag; English where there is no catalog for its language."""
    return _load(language_of(tag))


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads what is written: their language, the spelling of dates and lists, and the time of day there."""

    language: str = DEFAULT_LANGUAGE
    """ISO 639-1; one that has a catalog."""
    region: str = ""
    """A BCP 47 tag of the same language, such as ``en-GB``, for the spelling of dates."""
    zone: tzinfo | None = None
    """None where it is not known; then times are UTC, and say so."""
    texts: Texts = field(default_factory=Texts)

    @classmethod
    def of(cls, language: str | None, tag: str | None = None, zone: str | None = None) -> Reader:
        """Whoever reads ``language``.

        Args:
            language: a BCP 47 tag; English where there is no catalog for its language.
            tag: the client's own BCP 47 tag, which counts for dates if it is of the same language.
            zone: name of the time zone in the IANA database.
        """
        known = language_of(language)
        region = next((one for one in (tag, language) if one and _first_subtag(one) == known), known)
        return cls(known, region, _zone(zone), texts_for(known))

    def gettext(self, message: str) -> str:
        """``message`` in the reader's language."""
        return self.texts.gettext(message)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """The plural form for ``count``."""
        return self.texts.ngettext(one, many, count)

    def moment(self, at_utc: datetime) -> str:
        """Day and time of day; aware, or naive in UTC."""
        at = (at_utc if at_utc.tzinfo else at_utc.replace(tzinfo=UTC)).astimezone(self.zone or UTC)
        locale = _locale(self.region, self.language)
        # https://babel.pocoo.org/en/latest/api/dates.html#babel.dates.get_datetime_format
        both = str(get_datetime_format("medium", locale=locale))
        written = both.replace("{1}", format_date(at, "medium", locale))
        written = written.replace("{0}", format_time(at, "short", locale=locale))
        # Not every font knows the narrow space that English has before "PM".
        return written.replace("\u202f", "\u00a0") + ("" if self.zone else " UTC")

    def run_on(self, *sentences: str) -> str:
        """The sentences one after another; empty ones are left out."""
        space = "" if self.language in _UNSPACED else " "
        joined = ""
        for sentence in filter(None, sentences):
            # Markdown knows the end of bold text only by a space after it.
            joined += (" " if joined.endswith("**") else space if joined else "") + sentence
        return joined

    def titled(self, heading: str, text: str) -> str:
        """A heading and what stands below it, as they are read out in one go."""
        stop = "。" if self.language in _UNSPACED else "."
        return self.run_on(heading if heading.endswith(_STOPS) else f"{heading}{stop}", text)

    def listed(self, names: Iterable[str]) -> str:
        """``a, b, c``."""
        return ("、" if self.language in _UNSPACED else ", ").join(names)

    def any_of(self, names: list[str]) -> str:
        """``a, b or c``."""
        return str(format_list(names, style="or", locale=_locale(self.region, self.language)))


@lru_cache(maxsize=256)
def _zone(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        # What a client calls its zone comes from outside, and so may be anything.
        return None


@lru_cache(maxsize=256)
def _locale(tag: str, language: str) -> Locale:
    try:
        return Locale.parse(tag.replace("_", "-"), sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale.parse(language)


@lru_cache(maxsize=32)
def _load(language: str) -> Texts:
    """The catalog of ``language``, or English; cached either way, so that no message costs a look at the disk."""
    path = catalog_path(language)
    if not path.is_file():
        return _load(DEFAULT_LANGUAGE)
    with path.open("rb") as po:
        catalog = read_po(po, locale=language, domain=DOMAIN)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
