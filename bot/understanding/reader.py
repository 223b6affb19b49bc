"""From a sentence to a command, by a small grammar that changes nothing unless a whole sentence is an instruction."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from bot.commands import (
    AskWhich,
    Command,
    ForSomebodyElse,
    Greet,
    Help,
    History,
    NotUnderstood,
    SetDefault,
    Show,
    SignOut,
    Undo,
)
from bot.mfa import DefaultMethod
from bot.understanding import english
from bot.understanding.history import asks_for_history
from bot.understanding.instruction import Part, wanted_mention, wants_sign_out, wants_undo

__all__ = ["MAX_CHARACTERS", "understand"]

MAX_CHARACTERS = 4000
"""What is longer is cut."""

MAX_INSTRUCTION = 300
"""Nobody gives an instruction of that length; what is longer changes nothing."""

_LONGEST_PHRASE = max(phrase.count(" ") + 1 for phrase in english.METHODS)
_TYPOGRAPHIC = str.maketrans({"’": "'", "“": '"', "”": '"', "→": "->"})
_MAIL_ADDRESS = re.compile(r"[^\s@<>]@[^\s@<>]")
_MENTION = re.compile(r"<at(?: [^<>]{0,100})?>([^<>]{0,200})</at>")
_WORD = re.compile(r"[^\W_]+(?:['\-.][^\W_]+)*")
# A method's name may stand between these; anything else between them is a quotation.
_WRAPPED = re.compile(r"(\*\*|\*|\"|`|')(.+?)\1")
_ARROW = re.compile(r"\s*(?:->|=>)\s*")
_EQUALS = re.compile(r"(?<=\w)\s*[:=]\s+|(?<=\w)=(?=\w)")
# Harmless behind a word: the end of a sentence, and thanks.
_ENDINGS = re.compile(r"(?<=[\w.,!;…🙏👍🙂😊])\s*[.,!;…🙏👍🙂😊]+(?=\s|$)")
# What cuts a text into parts: punctuation that ends a word, a dash between blanks, a face that takes nothing back.
_FACE = r"[🙏👍🙂😊😅😬😳😂😄😀😁😢😭🥲🙁😕😩😱🤦][🏻-🏿]?(?:\u200d[♀♂])?\ufe0f?"
_CUT = re.compile(rf"\s*(?:(?P<mark>[.,!;?]+|(?<=\s)[-–—]+)(?=\s|$)|{_FACE})")
_SHORTCUT = re.compile(r"\b(ctrl|control|cmd) ?\+ ?z\b")
_KNOWN = english.SET_WORDS | english.DEFAULT_WORDS | english.SHOW_WORDS | english.FILLERS | english.QUESTIONS
_OUR_BUSINESS = english.DEFAULT_WORDS | english.UNDO_WORDS | english.HISTORY_WORDS
_ASKED_OF_UNDO = english.QUESTIONS | {"how", "can", "could"}


def understand(text: str) -> Command:
    """What ``text`` asks for. Never raises; what is not clear becomes a question or ``NotUnderstood``."""
    plain = _normalise(text)
    if not plain.strip(" ?!."):
        return Help() if "?" in plain else NotUnderstood()
    sentence = _Sentence.read(plain)
    phrase = " ".join(sentence.words)
    if phrase in english.HELP:
        return Help()
    if phrase in english.GREETINGS:
        return Greet()
    short = max(len(text), len(plain)) <= MAX_INSTRUCTION
    wanted = _instructed(plain, sentence) if short else None
    if wanted is not None:
        return SetDefault(wanted[0]) if len(wanted) == 1 else AskWhich(wanted)
    parts = _parts(plain) if short else ()
    if wants_undo(parts):
        return Undo()
    if wants_sign_out(parts):
        return SignOut()
    if _is_about_somebody_else(plain, sentence):
        return ForSomebodyElse()
    if parts and asks_for_history(parts):
        return History()
    return _about_a_method(sentence) if sentence.mentions else _without_a_method(sentence)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """The words of a text, in lower case, and the method phrases among them."""

    words: tuple[str, ...]
    canonical: str
    """The words with ``M`` for every method phrase."""
    rest: frozenset[str]
    """The words outside the method phrases."""
    mentions: tuple[tuple[DefaultMethod, ...], ...]

    @classmethod
    def read(cls, plain: str) -> _Sentence:
        words = tuple(word for found in _WORD.findall(plain) for word in _split_word(found))
        mentions: list[tuple[DefaultMethod, ...]] = []
        canonical: list[str] = []
        position = 0
        while position < len(words):
            length = _phrase_length(words, position)
            if length:
                mentions.append(english.METHODS[" ".join(words[position : position + length])])
            canonical.append("M" if length else words[position])
            position += length or 1
        return cls(words, " ".join(canonical), frozenset(canonical) - {"M"}, tuple(mentions))


def _normalise(text: str) -> str:
    """One line in lower case, without the lines that Teams quotes and without a mention of the bot."""
    # Cut once more: one character may be many when it is written out.
    plain = unicodedata.normalize("NFKC", html.unescape(text[:MAX_CHARACTERS]))[:MAX_CHARACTERS]
    plain = plain.translate(_TYPOGRAPHIC)
    kept = [line for line in plain.splitlines() if not line.lstrip().startswith(">")]
    plain = " ".join(" ".join(kept).lower().split())
    return _MENTION.sub(lambda found: " " if set(found[1].split()) <= english.BOT_NAMES else found[0], plain)


def _split_word(word: str) -> tuple[str, ...]:
    """``one-time`` and ``push.now`` as people also write them: apart; contractions and sign-in stay whole."""
    return (word,) if word in _KNOWN or "'" in word else tuple(re.split(r"[-.]", word))


def _phrase_length(words: tuple[str, ...], position: int) -> int:
    for length in range(min(_LONGEST_PHRASE, len(words) - position), 0, -1):
        if " ".join(words[position : position + length]) in english.METHODS:
            return length
    return 0


def _instructed(plain: str, sentence: _Sentence) -> tuple[DefaultMethod, ...] | None:
    """What the text tells the bot to set: one method or several that it could mean; None if it is no instruction."""
    bare = _without_signs(plain)
    if bare is None:
        return None
    if bare != plain:
        sentence = _Sentence.read(bare)
    wanted = wanted_mention(sentence.canonical)
    return None if wanted is None else sentence.mentions[wanted]


def _without_signs(plain: str) -> str | None:
    """The text in words alone; None if a sign is left that could turn its meaning: quotes, ≠, 🚫, a question mark."""
    text = _WRAPPED.sub(lambda found: f" {found[2]} " if _is_method(found[2]) else found[0], plain)
    text = _EQUALS.sub(" to ", _ARROW.sub(" to ", text))
    if text.endswith("?") and text.startswith(english.REQUESTS):
        text = text.rstrip("? ")
    text = _ENDINGS.sub(" ", text)
    signs = _WORD.sub("", text)
    return text if not signs.strip() else None


def _parts(plain: str) -> tuple[Part, ...]:
    """The text as its punctuation cuts it; nothing at all if a sign is left that could turn its meaning."""
    text = _SHORTCUT.sub(r"\1 z", plain)
    parts: list[Part] = []
    position = 0
    for cut in (*_CUT.finditer(text), None):
        piece = text[position : cut.start() if cut else len(text)]
        position = cut.end() if cut else position
        mark = (cut["mark"] or "") if cut else ""
        part = Part(_Sentence.read(piece).canonical, "?" in mark)
        if _WORD.sub("", piece).strip() or (mark and not parts and not part.canonical):
            return ()
        if part.canonical or part.asked:
            parts.append(part)
    return tuple(parts)


def _is_method(text: str) -> bool:
    return " ".join(word for found in _WORD.findall(text) for word in _split_word(found)) in english.METHODS


def _is_about_somebody_else(plain: str, sentence: _Sentence) -> bool:
    """An address, a mention, a word for other people, or an unknown name where a person would stand."""
    if _MAIL_ADDRESS.search(plain) or _MENTION.search(plain) or not sentence.rest.isdisjoint(english.OTHERS):
        return True
    owner = any(word.endswith(("'s", "s'")) and word not in _KNOWN | english.NO_OWNERS for word in sentence.rest)
    about_mfa = bool(sentence.mentions) or not sentence.rest.isdisjoint(_OUR_BUSINESS)
    return about_mfa and (owner or _names_a_person(sentence.words))


def _names_a_person(words: tuple[str, ...]) -> bool:
    """``for ann``, ``set ann smith to sms``: an unknown word behind "for", or between the verb and "to"."""
    for before, word in pairwise(words):
        starts_a_name = before == "for" or (before in {"set", "change", "switch", "move"} and "to" in words)
        if starts_a_name and word not in _KNOWN | english.BLOCKERS and not _phrase_length((word,), 0):
            return True
    return False


def _about_a_method(sentence: _Sentence) -> Command:
    """A method is mentioned, but not in an instruction: shown if it was a question, else asked about."""
    asks = not sentence.rest.isdisjoint(english.QUESTIONS) or sentence.words[0] in english.SHOW_WORDS
    if asks and sentence.rest.isdisjoint(english.SET_WORDS - english.SHOW_WORDS):
        return Show()
    clear = len(sentence.mentions) == 1 and sentence.rest.isdisjoint(english.BLOCKERS)
    return AskWhich(sentence.mentions[0] if clear else ())


def _without_a_method(sentence: _Sentence) -> Command:
    rest = sentence.rest
    about_default = not rest.isdisjoint(english.DEFAULT_WORDS)
    about_undo = not rest.isdisjoint(english.UNDO_WORDS)
    if (about_default and "how" in rest) or (about_undo and not rest.isdisjoint(_ASKED_OF_UNDO)):
        return Help()
    if not rest.isdisjoint(english.BLOCKERS):
        return NotUnderstood()
    if rest - _KNOWN:
        # "set my default to oaht": what is meant is clear, only the method is not.
        tells = sentence.words[0] in english.SET_WORDS | english.FILLERS and not rest.isdisjoint(english.SET_WORDS)
        return AskWhich() if about_default and tells and "to" in rest else NotUnderstood()
    if rest <= english.SHOW_WORDS | english.FILLERS and not rest.isdisjoint(english.STATUS_WORDS):
        return Show()
    if about_default and rest.isdisjoint(english.SHOW_WORDS | english.QUESTIONS):
        return Show() if rest.isdisjoint(english.SET_WORDS) else AskWhich()
    return Show() if about_default else NotUnderstood()
