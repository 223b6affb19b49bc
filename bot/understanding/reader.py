"""From a sentence to a command, by a small grammar that changes nothing unless every word of it is known.

The rule behind it: a change is read only from a sentence whose every word is a set word, a default word, a filler or
the one method. A word that is not known, a negation, a condition or a second method turns the change into a question.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from bot.commands import AskWhich, Command, ForSomebodyElse, Greet, Help, NotUnderstood, SetDefault, Show
from bot.mfa import DefaultMethod
from bot.understanding import english

__all__ = ["MAX_CHARACTERS", "understand"]

MAX_CHARACTERS = 4000
"""What is longer is cut: nobody writes a command of that length."""

_LONGEST_PHRASE = max(phrase.count(" ") + 1 for phrase in english.METHODS)
_QUOTED = re.compile(r'"([^"]*)"')
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": '"', "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})
_MAIL_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_WORD = re.compile(r"[^\W_]+(?:['\-.][^\W_]+)*")
_KNOWN = english.SET_WORDS | english.DEFAULT_WORDS | english.SHOW_WORDS | english.FILLERS | english.QUESTIONS


def understand(text: str) -> Command:
    """What ``text`` asks for. Never raises; what is not clear becomes a question or ``NotUnderstood``."""
    plain = _normalise(text)
    if not plain.strip(" ?!."):
        return Help() if "?" in plain else NotUnderstood()
    if _MAIL_ADDRESS.search(plain):
        return ForSomebodyElse()
    sentence = _Sentence.read(_unquote(plain))
    phrase = " ".join(sentence.words)
    if phrase in english.HELP:
        return Help()
    if phrase in english.GREETINGS:
        return Greet()
    if _is_about_somebody_else(sentence):
        return ForSomebodyElse()
    if sentence.mentions:
        return _about_a_method(sentence)
    return _without_a_method(sentence)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """Words in lower case, and among them the method phrases with where they begin."""

    words: tuple[str, ...]
    rest: frozenset[str]
    """The words outside the method phrases."""
    mentions: tuple[tuple[int, tuple[DefaultMethod, ...]], ...]
    whole: bool
    """False when something was quoted or cut, so that the sentence may be somebody else's words."""

    @classmethod
    def read(cls, plain: tuple[str, bool]) -> _Sentence:
        text, whole = plain
        words = tuple(word for found in _WORD.findall(text) for word in _split_word(found))
        mentions: list[tuple[int, tuple[DefaultMethod, ...]]] = []
        rest: set[str] = set()
        position = 0
        while position < len(words):
            length = _phrase_length(words, position)
            if length:
                mentions.append((position, english.METHODS[" ".join(words[position : position + length])]))
            else:
                rest.add(words[position])
            position += length or 1
        return cls(words, frozenset(rest), tuple(mentions), whole)

    @property
    def blocked(self) -> bool:
        return not self.whole or not self.rest.isdisjoint(english.BLOCKERS)

    @property
    def unknown(self) -> frozenset[str]:
        return self.rest - _KNOWN


def _normalise(text: str) -> str:
    plain = unicodedata.normalize("NFKC", html.unescape(text[:MAX_CHARACTERS]))
    kept = [line for line in plain.translate(_APOSTROPHES).splitlines() if not line.lstrip().startswith(">")]
    return " ".join(" ".join(kept).lower().split())


def _unquote(plain: str) -> tuple[str, bool]:
    """The text without quotation marks, and False if more than a method's name stood between them."""
    quoted = _QUOTED.findall(plain)
    whole = all(" ".join(_WORD.findall(part)) in english.METHODS for part in quoted)
    return plain.replace('"', " "), whole


def _split_word(word: str) -> tuple[str, ...]:
    """``one-time`` and ``push.`` as people also write them: apart; contractions and sign-in stay whole."""
    return (word,) if word in _KNOWN or "'" in word else tuple(re.split(r"[-.]", word))


def _phrase_length(words: tuple[str, ...], position: int) -> int:
    for length in range(min(_LONGEST_PHRASE, len(words) - position), 0, -1):
        if " ".join(words[position : position + length]) in english.METHODS:
            return length
    return 0


def _is_about_somebody_else(sentence: _Sentence) -> bool:
    """A word for other people, a possessive of an unknown name, or an unknown name where a person would stand."""
    if not sentence.rest.isdisjoint(english.OTHERS):
        return True
    owner = any(word.endswith(("'s", "s'")) and word not in _KNOWN for word in sentence.rest)
    about_mfa = bool(sentence.mentions) or not sentence.rest.isdisjoint(english.DEFAULT_WORDS)
    return about_mfa and (owner or _names_a_person(sentence.words))


def _names_a_person(words: tuple[str, ...]) -> bool:
    """``for ann``, ``set ann smith to sms``: an unknown word behind "for", or between the verb and "to"."""
    for before, word in pairwise(words):
        starts_a_name = before == "for" or (before in {"set", "change", "switch", "move"} and "to" in words)
        if starts_a_name and word not in _KNOWN | english.BLOCKERS and not _phrase_length((word,), 0):
            return True
    return False


def _about_a_method(sentence: _Sentence) -> Command:
    if not sentence.rest.isdisjoint(english.QUESTIONS):
        # "what is my default, push or sms?" is answered by showing; "which is better, make it push?" by asking.
        return Show() if sentence.rest.isdisjoint(english.SET_WORDS) else AskWhich()
    wanted = _wanted(sentence)
    if wanted is None or sentence.blocked:
        return AskWhich()
    if sentence.unknown or len(wanted) > 1:
        return AskWhich(wanted)
    return SetDefault(wanted[0])


def _wanted(sentence: _Sentence) -> tuple[DefaultMethod, ...] | None:
    """What the sentence wants: the one method, or that behind "to" in "from … to …"; None for several."""
    mentions = sentence.mentions
    if len({methods for _, methods in mentions}) == 1:
        return mentions[0][1]
    if len(mentions) == 2:
        (first, old), (second, new) = mentions
        before_first, before_second = sentence.words[max(first - 1, 0)], sentence.words[second - 1]
        if before_first == "from" and before_second in {"to", "onto"}:
            return new
        if sentence.words[max(second - 2, 0) : second] == ("instead", "of"):
            return old
    return None


def _without_a_method(sentence: _Sentence) -> Command:
    rest = sentence.rest
    about_default = not rest.isdisjoint(english.DEFAULT_WORDS)
    if about_default and "how" in rest:
        return Help()
    if sentence.blocked or sentence.unknown:
        return NotUnderstood()
    if rest <= english.SHOW_WORDS | english.FILLERS and not rest.isdisjoint(english.STATUS_WORDS):
        return Show()
    if about_default and rest.isdisjoint(english.SHOW_WORDS | english.QUESTIONS):
        return Show() if rest.isdisjoint(english.SET_WORDS) else AskWhich()
    return Show() if about_default else NotUnderstood()
