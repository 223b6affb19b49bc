"""A message as it was typed, cut into tokens: words, addresses, mentions, punctuation, quotations. No meaning yet.

Teams sends plain text with some mark-up in it: ``<at>`` around mentions, ``<blockquote>`` around the message that is
answered, links around addresses, HTML entities
(https://learn.microsoft.com/microsoftteams/platform/bots/build-a-bot, "text formats"). All of it is taken off here.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

__all__ = ["MAX_CHARACTERS", "Token", "TokenKind", "fold", "plain_text", "tokens_of"]

MAX_CHARACTERS = 4000
"""What is longer is cut."""


class TokenKind(Enum):
    """What a token is made of."""

    WORD = "word"
    NUMBER = "number"
    ADDRESS = "address"
    """An e-mail address or UPN."""
    MENTION = "mention"
    """A person or bot mentioned by mark-up; ``text`` is the name shown."""
    QUOTE = "quote"
    """The opening or closing mark of a quotation; ``text`` is ``(`` or ``)``."""
    MARK = "mark"
    """Punctuation, an arrow, an emoji."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a message. ``start`` and ``end`` are its place in the plain text, in characters."""

    kind: TokenKind
    text: str
    start: int
    end: int
    lower: str = ""
    """A word in lower case, its typographic apostrophes made plain."""
    bare: str = ""
    """``lower`` without accents."""


_BOT_NAMES = frozenset("mfa bot default mfabot default-mfa".split())
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
_TYPOGRAPHIC = str.maketrans({"’": "'", "‘": "'", "‚": "'", "´": "'", "ʼ": "'", "＇": "'", "″": '"'})
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_REPLY = re.compile(r"<(?P<end>/?)blockquote\b[^<>]{0,300}>", re.IGNORECASE)
_ASIDE = re.compile(r"<(?P<end>/?)(?:s|strike|del|q|cite|code|pre)(?:\s[^<>]{0,300})?>", re.IGNORECASE)
"""Struck out is as good as quoted: it does not count."""
_STRUCK_BY_STYLE = re.compile(r"<[^<>]{0,300}line-through[^<>]{0,300}>", re.IGNORECASE)
_STRUCK_SIGNS = re.compile("[\u0335-\u0338\u20e0\u20e5\u20eb]")
"""Combining strokes through the letter before."""
_QUOTED_LINE = re.compile(r"^[ \t]*>[^\n]*$", re.MULTILINE)
_LINKED_ADDRESS = re.compile(r"\[([^\[\]\n]{0,200})\]\(\s*(?:mailto:)?([^()\s]{0,300})\s*\)")
_BARE_LINK = re.compile(r"<(?:mailto:)?([^<>\s]{1,100}@[^<>\s]{1,200})>|\bmailto:(?=\S)", re.IGNORECASE)
_TAG = re.compile(r"<(?!/?at\b)/?[a-z][^<>]{0,300}>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div|/li)\b[^<>]{0,100}>", re.IGNORECASE)
_AT = r"<at(?:\s[^<>]{0,200})?>(?P<name>[^<>]{0,200})</at>"
_KANA_OR_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff66-\uff9f々〆"
_NOT_IN_ADDRESS = rf"\s<>()\[\]{{}},;:\"“”„«»。、・{_KANA_OR_HAN}"
_ADDRESS = (
    rf"(?P<address>[^{_NOT_IN_ADDRESS}@']{{1}}[^{_NOT_IN_ADDRESS}@]{{0,120}}@[^{_NOT_IN_ADDRESS}@.]{{1,100}}"
    rf"(?:\.[^{_NOT_IN_ADDRESS}@.!?']{{1,60}}){{1,6}})"
)
_WORD = rf"(?P<cjk>[{_KANA_OR_HAN}]+)|(?P<word>[^\W_{_KANA_OR_HAN}]+(?:'[^\W_{_KANA_OR_HAN}]+)*)"
_PAIRS = {
    '"': '"',
    "“": "”",
    "„": "“",
    "«": "»",
    "»": "«",
    "「": "」",
    "『": "』",
    "`": "`",
    "‹": "›",
    "《": "》",
    "❝": "❞",
    "‟": "”",
    "”": "”",
    "❞": "❞",
    "〝": "〞",
    "〈": "〉",
    "【": "】",
    "״": "״",
    "″": "″",
    "‛": "'",
}
_QUOTING = "".join(sorted(set(_PAIRS) | set(_PAIRS.values())))
_TOKEN = re.compile(
    rf"{_AT}|{_ADDRESS}|{_WORD}|(?P<quote>[{re.escape(_QUOTING)}]|(?<![\w'])'(?=\S)|(?<=[^\s'])'(?!\w))"
    r"|(?P<arrow>-+>|=+>|→|➡|⇒|⟶|>+)|(?P<no>!=|(?<!\S)!(?=\w)|\A!)|(?P<dash>(?<=\s)[-–—]+(?=\s)|—)|(?P<mark>[^\s\w]|_)",
    re.IGNORECASE,
)
# French and Italian ways of leaving out a vowel: l'appli, j'ai, qu'on. English contractions have the rest in front.
_ELISION = re.compile(r"(?:l|d|j|n|m|t|s|c|qu|jusqu|lorsqu|puisqu)'(?=[^\W\d_]{2})", re.IGNORECASE)


_ENCLITICS = frozenset({"la", "lui", "les", "leur", "os", "as", "lhe", "lhes"})


def fold(text: str) -> str:
    """``text`` without accents: ``código`` as people also type it. Kana keep their marks."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFD", text.replace("ß", "ss"))
    kept = (sign for sign in apart if not ("\u0300" <= sign <= "\u036f"))
    return unicodedata.normalize("NFC", "".join(kept))


def plain_text(message: str) -> str:
    """``message`` without mark-up and without what it quotes by mark-up; mentions stay as ``<at>…</at>``."""
    text = message[:MAX_CHARACTERS]
    if "&" in text:
        text = html.unescape(text)
    if "``" in text or "''" in text:
        text = text.replace("``", '"').replace("''", '"')
    if not text.isascii():
        text = _composed(text)
    if "<" in text:
        text = _without_tags(text)
    elif "mailto:" in text:
        text = _BARE_LINK.sub(" ", text)
    text = _without_marks(text)
    if "](" in text:
        text = _LINKED_ADDRESS.sub(_address_of_link, text)
    return text.strip()


def _composed(text: str) -> str:
    """``text`` in composed form (NFKC), typographic signs made plain; what is struck out by signs becomes quoted."""
    if _STRUCK_SIGNS.search(text):
        text = f'" {text}'
    # Cut once more: one character may be many when it is written out.
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text.translate(_TYPOGRAPHIC)))
    return text[:MAX_CHARACTERS].translate(_TYPOGRAPHIC)


def _without_tags(text: str) -> str:
    """``text`` without HTML tags and what stands in those of replies and quotations; ``<at>`` stays."""
    text = _without_asides(_without_replies(_COMMENT.sub(" ", text)))
    text = _STRUCK_BY_STYLE.sub(' " ', _BARE_LINK.sub(r" \1 ", text))
    return _TAG.sub(" ", _BREAK.sub("\n", text))


def _without_marks(text: str) -> str:
    """``text`` without the lines that Markdown quotes; what it strikes out becomes quoted."""
    if "[ ]" in text:
        # A box that is not ticked.
        text = text.replace("[ ]", "☐")
    if "~~" in text:
        text = text.replace("~~", ' " ')
    if ">" in text:
        text = _QUOTED_LINE.sub("", text)
    return text


def _without_replies(text: str) -> str:
    """``text`` without what stands between the tags of replies, which may hold each other."""
    kept: list[str] = []
    depth = position = 0
    for tag in _REPLY.finditer(text):
        if depth == 0:
            kept.append(text[position : tag.start()])
        depth = max(0, depth - 1) if tag["end"] else depth + 1
        position = tag.end()
    return "\n".join([*kept, text[position:]] if depth == 0 else kept)


def _without_asides(text: str) -> str:
    """``text`` with quotation marks around what is quoted or struck out by tags, which may hold each other."""
    depth = 0

    def mark(tag: re.Match[str]) -> str:
        nonlocal depth
        before = depth
        depth = max(0, depth - 1) if tag["end"] else depth + 1
        return ' " ' if 0 in {before, depth} and before != depth else " "

    return _ASIDE.sub(mark, text)


def _address_of_link(link: re.Match[str]) -> str:
    shown, target = link[1], link[2]
    return f" {target} " if "@" in target and "@" not in shown else f" {shown} "


def tokens_of(text: str) -> list[Token]:
    """The tokens of a plain text, in order; a mention of the bot itself is left out."""
    tokens: list[Token] = []
    closing: str | None = None
    for found in _TOKEN.finditer(text):
        group = found.lastgroup or ""
        start, end = found.span()
        if group == "word":
            _add_word(tokens, found[0], start, text)
        elif group == "quote":
            closing = _add_quote(tokens, text, found, closing)
        elif group == "name":
            if not set(found["name"].lower().split()) <= _BOT_NAMES:
                tokens.append(Token(TokenKind.MENTION, found["name"].strip(), start, end))
        elif group in _KINDS:
            tokens.append(Token(_KINDS[group], found[0], start, end, found[0], found[0]))
        elif not _within_word(text, found):
            tokens.append(Token(TokenKind.MARK, _MARKS.get(group, found[0]), start, end))
    if closing is not None:
        # What is not closed is quoted to its end.
        tokens.append(Token(TokenKind.QUOTE, ")", len(text), len(text)))
    return tokens


_KINDS = {"cjk": TokenKind.WORD, "address": TokenKind.ADDRESS}
_MARKS = {"arrow": "->", "no": "≠", "dash": "-"}


def _within_word(text: str, mark: re.Match[str]) -> bool:
    """sign-in, default_method: written together, read apart."""
    start, end = mark.span()
    return mark[0] in "-_" and text[start - 1 : start].isalnum() and text[end : end + 1].isalnum()


def _add_word(tokens: list[Token], word: str, start: int, text: str) -> None:
    lower = word.lower()
    if lower in _ENCLITICS and re.fullmatch(r"\w-", text[max(0, start - 2) : start]):
        # "Passe-la", her; "passe la notification", the.
        lower = f"-{lower}"
    elided = _ELISION.match(lower) if "'" in lower else None
    if elided:
        cut = elided.end()
        tokens.append(Token(TokenKind.WORD, word[:cut], start, start + cut, lower[:cut], lower[:cut]))
        word, lower, start = word[cut:], lower[cut:], start + cut
    kind = TokenKind.NUMBER if lower.isdecimal() else TokenKind.WORD
    tokens.append(Token(kind, word, start, start + len(word), lower, fold(lower)))


def _add_quote(tokens: list[Token], text: str, found: re.Match[str], closing: str | None) -> str | None:
    """Note where a quotation begins and ends; the sign that will close it, or None when none is open."""
    sign, (start, end) = found[0], found.span()
    if closing is not None and sign == closing:
        tokens.append(Token(TokenKind.QUOTE, ")", start, end))
        return None
    if closing is not None:
        return closing
    if sign == "'" and not re.search(r"\S'(?!\w)", text[end : end + 300]):
        # An apostrophe that nothing closes: 'cause, the boys' room.
        return None
    closes = "'" if sign == "'" else _PAIRS.get(sign)
    if closes is not None:
        tokens.append(Token(TokenKind.QUOTE, "(", start, end))
    return closes
