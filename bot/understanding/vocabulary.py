"""The words of each language, read from the files beside this module, and the look-up of phrases in them.

A file holds phrases under what they mean; ``vocabulary/README.md`` explains the form to translators. ``common.toml`` is
part of every language: names of methods that the whole world uses, and what developers paste.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, lru_cache
from itertools import chain, product
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.understanding.text import fold

__all__ = ["ANSWER", "LANGUAGES", "Correction", "Entry", "Lexicon", "Part", "Role", "Sense", "languages_of", "lexicon"]

LANGUAGES = ("en", "de", "fr", "es", "nl", "pt", "ja")
"""ISO 639-1 codes. The first is the one of last resort."""

_HERE = Path(__file__).with_name("vocabulary")


class Role(StrEnum):
    """What a phrase does in a sentence. The name is its key in the files, the value its sign in the patterns."""

    # Words that change nothing about what is meant.
    FILLER = "p"
    MINE = "g"
    """My, me, the, it: the writer, or nothing."""
    DEFAULT = "d"
    """Default, MFA, method, sign-in."""
    LINK = "l"
    """In, on, by, of: may stand inside the name of a method."""
    NUMBER = "0"
    # Words of an instruction.
    SET = "s"
    GO = "S"
    """Move, change, switch: from one method to another."""
    REPLACE = "R"
    WITH = "y"
    """What is put in the place of the other: replace a *by* b."""
    WISH = "w"
    RATHER = "W"
    TO = "t"
    FROM = "f"
    INSTEAD = "x"
    NOT = "n"
    AWAY = "9"
    """Off, out: within the name of a method it is a link (the number off the app), elsewhere it takes one away."""
    EXCEPT = "X"
    OR = "o"
    AND = "a"
    ELSE = "e"
    BETTER = "+"
    BEST = "*"
    OTHER = "%"
    """Something else, another method."""
    SAME = "^"
    """What was asked for before."""
    METHOD = "M"
    DO_IT = "J"
    # Words that keep a sentence from being an instruction.
    I = "j"  # noqa: E741
    IF = "c"
    SUPPOSE = "z"
    SAID = "Z"
    WAS = "<"
    """Past tense."""
    LATER = "L"
    WHAT = "q"
    IS = "Q"
    """Am, does, did: begins a question that is answered by yes or no."""
    HOW = "h"
    WHY = "Y"
    # Where a clause ends.
    BUT = "b"
    BECAUSE = "k"
    LIKE = "m"
    # People.
    THEY = "O"
    """Her, him: somebody else, said before."""
    THEM = "P"
    COLLEAGUE = "B"
    PEOPLE = "E"
    """Everyone, a whole team."""
    USER = "A"
    FOR = "F"
    NEEDS = "V"
    TITLE = "D"
    INTRODUCTION = "i"
    REGARDS = "r"
    # Whole requests.
    SHOW = "v"
    UNDO = "U"
    MISTAKE = "~"
    HISTORY = "H"
    HELP = "?"
    SIGN_OUT = "/"
    CANCEL = "C"
    GREETING = "G"
    THANKS = "T"
    ROBOT = "@"
    CANT = "#"
    """What the bot can't do; the entry's ``topic`` says what."""
    EXPLAIN = "="
    NONSENSE = "!"
    # The rest.
    ORDINARY = "."
    UNKNOWN = "u"


class Part(StrEnum):
    """What a word says of a method."""

    WAY = "way"
    """How one is asked: a call, a code."""
    PLACE = "place"
    """Where: a phone, the app, a token."""


@dataclass(frozen=True, slots=True)
class Sense:
    """Which methods a word may mean: names of default methods, and of others that can't be a default."""

    means: frozenset[str]
    part: Part = Part.WAY


@dataclass(frozen=True, slots=True)
class Entry:
    """A phrase of the vocabulary."""

    role: Role
    sense: Sense | None = None
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """A word that is probably a typo of another."""

    word: str
    sure: bool
    """False where another word could have been meant as well."""


def _sense(means: str, part: Part = Part.WAY) -> Sense:
    return Sense(frozenset(means.split()), part)


_CALLS = "voiceMobile voiceAlternateMobile voiceOffice"
_SENSES: Mapping[str, Sense] = {
    "push": _sense("push"),
    "oath": _sense("oath"),
    "sms": _sense("sms"),
    "voiceMobile": _sense("voiceMobile"),
    "voiceAlternateMobile": _sense("voiceAlternateMobile"),
    "voiceOffice": _sense("voiceOffice"),
    "call": _sense(_CALLS),
    "code": _sense("oath sms email messenger"),
    "numbers": _sense("push oath sms"),
    "mobile": _sense("push oath sms voiceMobile messenger", Part.PLACE),
    "second_mobile": _sense("voiceAlternateMobile", Part.PLACE),
    "office": _sense("voiceOffice", Part.PLACE),
    "phone": _sense(f"push oath sms {_CALLS} messenger", Part.PLACE),
    "app": _sense("push oath", Part.PLACE),
    "token": _sense("oath", Part.PLACE),
    "passkey": _sense("passkey"),
    "windows_hello": _sense("windows_hello"),
    "certificate": _sense("certificate"),
    "email": _sense("email"),
    "messenger": _sense("messenger"),
    "question": _sense("question"),
}
"""What the keys under ``[methods]`` mean. Words that stand side by side mean what both may mean."""

ANSWER = "answer"
"""The topic of a "yes" or "no" that answers, other than a "not" that negates what follows."""

_WORDS = {role.name.lower(): role for role in Role}


@dataclass(slots=True)
class _Node:
    """A place in the tree of phrases."""

    next: dict[str, _Node] = field(default_factory=dict)
    stems: dict[str, _Node] = field(default_factory=dict)
    entry: Entry | None = None


class Lexicon:
    """The phrases of one language, with those that all languages share."""

    def __init__(self, language: str, files: Iterable[Mapping[str, object]]) -> None:
        self.language = language
        self.postpositions = False
        """True where "to" and "instead of" stand behind what they belong to."""
        self._root = _Node()
        self._words: set[str] = set()
        self._segments: dict[str, list[str]] = {}
        phrases = [phrase for file in files for phrase in self._read(file)]
        # The first meaning of a phrase stands; a word that is only known to be ordinary has none.
        phrases.sort(key=lambda one: one[1].role is Role.ORDINARY)
        for phrase, entry in phrases:
            self._add(phrase, entry)
        for phrase, entry in phrases:
            for variant in _variants(phrase):
                self._add(variant, entry)
        self._lengths = sorted({len(stem) for stem in self._root.stems}, reverse=True)
        self._targets = sorted(word for word in self._words if len(word) >= _SHORTEST and word.isalpha())
        self.correct = lru_cache(maxsize=4096)(self._correct)
        for starts in self._segments.values():
            starts.sort(key=len, reverse=True)

    def _read(self, file: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], Entry]]:
        for section, content in file.items():
            if section == "postpositions":
                self.postpositions = bool(content)
                continue
            assert isinstance(content, dict)
            for key, phrases in content.items():
                entry = _entry(section, key)
                yield from ((phrase, entry) for phrase in _phrases(phrases))

    def _add(self, phrase: tuple[str, ...], entry: Entry) -> None:
        node = self._root
        for word in phrase:
            if word.endswith("*"):
                node = node.stems.setdefault(word[:-1], _Node())
            else:
                node = node.next.setdefault(word, _Node())
                self._words.add(word)
        if node.entry is None:
            node.entry = entry
        if len(phrase) == 1 and ord(phrase[0][0]) > _LAST_LATIN:
            starts = self._segments.setdefault(phrase[0][0], [])
            if phrase[0] not in starts:
                starts.append(phrase[0])

    def knows(self, word: str) -> bool:
        """True if ``word`` (in lower case) occurs in a phrase."""
        return word in self._words or self._stem(self._root, word) is not None

    def find(self, words: list[tuple[str, str]], position: int) -> tuple[Entry, int] | None:
        """The longest phrase at ``position`` of ``words`` (each in lower case, and without accents), and its length."""
        node, best = self._root, None
        for index in range(position, len(words)):
            lower, bare = words[index]
            step = node.next.get(lower) or node.next.get(bare) or self._stem(node, bare)
            if step is None:
                break
            node = step
            if node.entry is not None:
                best = (node.entry, index - position + 1)
        return best

    def _stem(self, node: _Node, word: str) -> _Node | None:
        if not node.stems:
            return None
        lengths = self._lengths if node is self._root else sorted({len(stem) for stem in node.stems}, reverse=True)
        for length in lengths:
            found = node.stems.get(word[:length])
            if found is not None:
                return found
        return None

    def segments(self, run: str) -> Iterator[str]:
        """``run``, written without blanks, cut into the longest known words and what is between them."""
        unknown = position = 0
        while position < len(run):
            known = next((w for w in self._segments.get(run[position], ()) if run.startswith(w, position)), None)
            if known is None:
                position += 1
                continue
            if unknown < position:
                yield run[unknown:position]
            yield known
            position = unknown = position + len(known)
        if unknown < len(run):
            yield run[unknown:]

    def _correct(self, word: str) -> Correction | None:
        """The known word that ``word`` is probably a typo of."""
        if len(word) < _SHORTEST or len(word) > _LONGEST or not word.isalpha():
            return None
        if len(word) == _SHORTEST:
            # So short, only letters in the wrong order are taken for a typo.
            turned = [other for other in self._targets if sorted(other) == sorted(word)]
            return Correction(turned[0], sure=False) if turned and OSA.distance(turned[0], word) == 1 else None
        allowed = 2 if len(word) >= _LONG else 1
        hits = process.extract(word, self._targets, scorer=OSA.distance, score_cutoff=allowed, limit=3)
        if not hits:
            return None
        best, distance, _ = hits[0]
        rivals = [other for other, far, _ in hits[1:] if far == distance and not _same_word(best, other)]
        return Correction(best, sure=len(best) >= _SURE and not rivals)


_SHORTEST, _SURE, _LONG, _LONGEST = 4, 6, 9, 24
_LAST_LATIN = 0x2E7F


def _same_word(one: str, other: str) -> bool:
    return one.rstrip("s") == other.rstrip("s")


def _entry(section: str, key: str) -> Entry:
    match section:
        case "methods":
            return Entry(Role.METHOD, _SENSES[key])
        case "cant":
            return Entry(Role.CANT, topic=key)
        case "explain":
            return Entry(Role.EXPLAIN, topic=key)
        case _ if key == "yes":
            return Entry(Role.FILLER, topic=ANSWER)
        case _ if key == "no":
            return Entry(Role.NOT, topic=ANSWER)
        case _:
            return Entry(_WORDS[key])


def _phrases(text: object) -> Iterator[tuple[str, ...]]:
    """``text me, sms code?`` → ("text", "me"), ("sms", "code"), ("sms",)."""
    assert isinstance(text, str)
    for line in text.replace("\n", ",").split(","):
        choices = [_choices(word) for word in line.split()]
        for chosen in product(*choices) if choices else ():
            words = tuple(word for word in chosen if word)
            if words:
                yield words


def _choices(word: str) -> list[str]:
    optional = word.endswith("?") and len(word) > 1
    alternatives = (word[:-1] if optional else word).split("|")
    return [*alternatives, ""] if optional else alternatives


def _variants(phrase: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The same phrase as it is typed without accents, and with ae for ä."""
    if any(not word.isascii() for word in phrase):
        yield tuple(fold(word) for word in phrase)
        yield tuple(word.translate(_UMLAUTS) for word in phrase)


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@cache
def _file(name: str) -> Mapping[str, object]:
    return tomllib.loads((_HERE / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def lexicon(language: str) -> Lexicon:
    """The words of ``language``, one of ``LANGUAGES``."""
    return Lexicon(language, (_file(language), _file("common")))


@cache
def _recognised() -> dict[str, tuple[str, ...]]:
    """Which languages each word belongs to."""
    found: dict[str, set[str]] = {}
    for language in LANGUAGES:
        sections = (content for content in _file(language).values() if isinstance(content, dict))
        for phrases in chain.from_iterable(content.values() for content in sections):
            for word in chain.from_iterable(_phrases(phrases)):
                found.setdefault(word, set()).add(language)
    # What every language knows tells none.
    common = (
        phrases for content in _file("common").values() if isinstance(content, dict) for phrases in content.values()
    )
    for word in chain.from_iterable(chain.from_iterable(_phrases(phrases) for phrases in common)):
        found.pop(word, None)
    return {word: tuple(sorted(languages)) for word, languages in found.items()}


def languages_of(word: str) -> tuple[str, ...]:
    """The languages in whose files ``word`` (in lower case) occurs."""
    return _recognised().get(word, ())
