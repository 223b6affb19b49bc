"""The catalog: complete, without leftovers, and English for every odd tag."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

import bot
import cards
from bot.locale import DEFAULT_LANGUAGE, N_, catalog_path, texts_for

KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None}
CLOSE = "Nothing was changed."


def messages_in_code() -> set[object]:
    """Message ids in the sources of ``bot`` and ``cards``; a plural is the pair of its forms."""
    found: set[object] = set()
    for package in (bot, cards):
        folder = Path(str(package.__file__)).parent
        for _, _, message, _, _ in extract_from_dir(folder, [("**.py", "python")], keywords=KEYWORDS):
            found.add(tuple(message) if isinstance(message, (list, tuple)) else message)
    return found


def messages_in_catalog() -> list[object]:
    """Message ids of the English catalog."""
    with catalog_path(DEFAULT_LANGUAGE).open("rb") as po:
        return [message.id for message in read_po(po, abort_invalid=True) if message.id]


def test_every_sentence_of_the_code_is_in_the_catalog() -> None:
    """A translator finds every sentence that the bot can say."""
    assert set() == messages_in_code() - set(messages_in_catalog())


def test_the_catalog_has_no_sentence_that_nobody_says() -> None:
    """A translator never works on a sentence that is gone."""
    assert set() == set(messages_in_catalog()) - messages_in_code()


def test_no_sentence_is_in_the_catalog_twice() -> None:
    """Each message id stands there once."""
    assert [] == [message for message, count in Counter(messages_in_catalog()).items() if count > 1]


def test_the_extraction_sees_all_three_ways_of_marking() -> None:
    """A sentence marked by gettext, by N_ and by ngettext is found, so that the comparison means something."""
    expected = {CLOSE, "Authenticator notification", ("and {count} more", "and {count} more")}
    assert expected <= messages_in_code()


@pytest.mark.parametrize(
    "tag",
    [
        None, "", "en", "en-US", "EN_gb", "en-Latn-GB", "-", "_", "--", "tlh", "xx-XX", "ελ", "٣", "e n", " en", "en\0",
        "../../etc", "/etc/passwd", "..", ".", "en/../../x", "C:\\", "%2e%2e", "LC_MESSAGES", "a" * 64, "a" * 5000,
    ],
)  # fmt: skip
def test_odd_and_hostile_tags_get_english(tag: str | None) -> None:
    """A tag comes from outside: whatever it says, there are texts, and without a catalog they are English."""
    assert CLOSE == texts_for(tag).gettext(CLOSE)


@given(st.none() | st.text())
def test_no_tag_raises(tag: str | None) -> None:
    """There are texts for any text as a tag."""
    assert texts_for(tag).gettext(CLOSE)


def test_the_english_sentence_is_its_own_text() -> None:
    """An untranslated entry shows its message id and never an empty line or the catalog's header."""
    texts = texts_for("en-US")
    assert [message for message in messages_in_catalog() if isinstance(message, str)] == [
        texts.gettext(message) for message in messages_in_catalog() if isinstance(message, str)
    ]


def test_marking_changes_nothing() -> None:
    """N_ gives the sentence back as it is."""
    assert CLOSE == N_(CLOSE)
