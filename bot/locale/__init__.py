"""Texts for people, by gettext: ``N_`` marks a sentence, ``texts_for`` gives the catalog of a language.

The English sentence itself is the message id. Catalogs are plain ``.po`` files beside this module; they are
compiled in memory, so no binary file has to be kept in step with them.
"""

from __future__ import annotations

import gettext
import io
from functools import lru_cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

__all__ = ["DEFAULT_LANGUAGE", "DOMAIN", "N_", "Texts", "catalog_path", "texts_for", "translated_languages"]

DOMAIN = "mfabot"
DEFAULT_LANGUAGE = "en"
Texts = gettext.NullTranslations

_LONGEST_CODE = 3
_HERE = Path(__file__).parent


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


def texts_for(locale: str | None) -> Texts:
    """The texts for a BCP 47 tag such as ``en-US``; English where there is no catalog for its language."""
    language = (locale or "").replace("_", "-").partition("-")[0].lower()
    # Only plain language codes reach the file system: the tag comes from outside.
    is_code = len(language) <= _LONGEST_CODE and language.isascii() and language.isalpha()
    return _load(language if is_code else DEFAULT_LANGUAGE)


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
