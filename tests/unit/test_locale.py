"""The catalogs: complete, without leftovers, true to the English; and English for every odd tag."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

import bot
import cards
from bot.commands import AskWhich, Cancel, Help, History, SetDefault, Show, SignOut, Undo
from bot.locale import DEFAULT_LANGUAGE, N_, Reader, catalog_path, texts_for, translated_languages
from bot.mfa import DefaultMethod
from bot.understanding import Topic, understand
from cards import render
from cards.phrases import Phrase, phrase, set_phrase
from cards.words import button_title, short_name
from tests.gallery.situations import SITUATIONS

KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None}
LANGUAGES = ("de", "es", "fr", "ja", "nl", "pt")
CLOSE = "Nothing was changed."


@lru_cache
def messages_in_code() -> frozenset[object]:
    """Message ids in the sources of ``bot`` and ``cards``; a plural is the pair of its forms."""
    found: set[object] = set()
    for package in (bot, cards):
        folder = Path(str(package.__file__)).parent
        for _, _, message, _, _ in extract_from_dir(folder, [("**.py", "python")], keywords=KEYWORDS):
            found.add(tuple(message) if isinstance(message, (list, tuple)) else message)
    return frozenset(found)


def catalog_of(language: str) -> Catalog:
    """The catalog of a language."""
    with catalog_path(language).open("rb") as po:
        return read_po(po, locale=language, abort_invalid=True)


def messages_in_catalog(language: str = DEFAULT_LANGUAGE) -> list[object]:
    """Message ids of a catalog."""
    return [message.id for message in catalog_of(language) if message.id]


def translations(language: str) -> Iterator[tuple[str, str]]:
    """Each English text of a catalog with each of its translations."""
    for message in catalog_of(language):
        if isinstance(message.id, str):
            yield message.id, str(message.string)
        else:
            yield from ((message.id[-1], form) for form in message.string or ())


def test_there_are_texts_in_every_language_that_is_understood() -> None:
    """Who is understood is answered in the same language."""
    assert frozenset({"en", *LANGUAGES}) == translated_languages()


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_every_sentence_of_the_code_is_in_the_catalog(language: str) -> None:
    """A translator finds every sentence that the bot can say."""
    assert set() == messages_in_code() - set(messages_in_catalog(language))


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_the_catalog_has_no_sentence_that_nobody_says(language: str) -> None:
    """A translator never works on a sentence that is gone."""
    assert set() == set(messages_in_catalog(language)) - messages_in_code()


def test_every_sentence_that_a_card_asks_for_is_in_the_catalog() -> None:
    """None escapes the extraction: it would be English in every language, and no other test would miss it."""
    asked: set[object] = set()

    class Listener(Reader):
        def gettext(self, message: str) -> str:
            asked.add(message)
            return message

    for reply in SITUATIONS.values():
        render(reply, Listener())
    assert set() == asked - messages_in_code()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language: str) -> None:
    """Nobody is answered half in English, and no form of a plural is missing."""
    catalog = catalog_of(language)
    assert [] == [english for english, text in translations(language) if english and not text.strip()]
    assert [] == [message.id for message in catalog if message.fuzzy and message.id]
    plurals = [message for message in catalog if isinstance(message.id, tuple)]
    assert {catalog.num_plurals} == {len(message.string or ()) for message in plurals}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_parts_of_the_original(language: str) -> None:
    """The same blanks are filled in, the same is bold, and nothing else looks like markup."""

    def parts(text: str) -> tuple[list[str], int, list[str]]:
        blanks = sorted(field for _, field, _, _ in Formatter().parse(text) if field)
        return blanks, text.count("**"), sorted(re.findall(r"[\[\]<>\\`_|#~→·✓]", re.sub(r"\{.*?\}", "", text)))

    wrong = [(english, text) for english, text in translations(language) if english and parts(english) != parts(text)]
    assert [] == wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_ends_like_the_original(language: str) -> None:
    """A sentence stays a sentence, a question a question, and a label gets no full stop."""
    ends = {"。": ".", "！": "!", "？": "?", "：": ":"}

    def end(text: str) -> str:
        last = text.rstrip()[-1:]
        last = ends.get(last, last)
        return last if last in ".?!:…" else ""

    odd = [(english, text) for english, text in translations(language) if english and end(english) != end(text)]
    assert [] == odd


EXPECTED = {
    Phrase.SHOW: (Show(),),
    Phrase.CHANGE: (AskWhich(),),
    Phrase.CODES: (SetDefault(DefaultMethod.OATH),),
    Phrase.TEXTS: (SetDefault(DefaultMethod.SMS),),
    Phrase.OFFICE: (SetDefault(DefaultMethod.VOICE_OFFICE),),
    Phrase.UNDO: (Undo(),),
    Phrase.HISTORY: (History(),),
    Phrase.HELP: (Help(),),
    Phrase.SIGN_OUT: (SignOut(),),
    Phrase.NO: (Cancel(),),
}


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
@pytest.mark.parametrize("which", EXPECTED)
def test_what_the_cards_tell_people_to_write_is_understood(which: Phrase, language: str) -> None:
    """In each language, and also by a client that is set to another one."""
    text = phrase(which, Reader.of(language))
    assert EXPECTED[which] == (understand(text, language).command,)
    if which not in {Phrase.NO, Phrase.YES}:
        assert EXPECTED[which] == (understand(text, "xx").command,)


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
@pytest.mark.parametrize("method", DefaultMethod)
def test_what_the_cards_call_a_method_is_understood(method: DefaultMethod, language: str) -> None:
    """Its short name, and what its button says, do when written what they say."""
    for name in (short_name, button_title):
        assert SetDefault(method) == understand(name(method, Reader.of(language)), language).command


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_the_yes_of_each_language_agrees(language: str) -> None:
    """What the question tells people to write is taken for a yes."""
    asked = Topic(asked=AskWhich((DefaultMethod.SMS,)), warned=True)
    said = phrase(Phrase.YES, Reader.of(language))
    assert SetDefault(DefaultMethod.SMS, agreed=True) == understand(said, language, asked).command


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
@pytest.mark.parametrize("method", DefaultMethod)
@pytest.mark.parametrize("otherwise", [None, DefaultMethod.OATH, DefaultMethod.PUSH])
def test_the_sentence_of_try_again_is_understood(
    language: str, method: DefaultMethod, otherwise: DefaultMethod | None
) -> None:
    """The button says what the person wanted, in their language."""
    if method is otherwise:
        return
    said = understand(set_phrase(method, Reader.of(language), otherwise), language)
    assert SetDefault(method, otherwise) == said.command


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
