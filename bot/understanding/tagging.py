"""Tokens in, items out: each phrase with what it does in the sentence, and each name of a method put together.

Words that stand side by side name one method: *call* (any phone) and *mobile* (call, text, notification…) are together
a call to the mobile, since that is all that both may mean. Words that have nothing in common stay two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bot.understanding.text import Token, TokenKind
from bot.understanding.vocabulary import Entry, Lexicon, Part, Role, Sense

__all__ = ["Item", "segmented", "tag"]

_LINKS = frozenset(
    {Role.MINE, Role.LINK, Role.TO, Role.DEFAULT, Role.FROM, Role.WITH, Role.THEY, Role.FILLER, Role.RATHER, Role.AWAY}
)
_OPEN, _CLOSE, _QUOTED = "(", ")", '"'
_BREAKS = frozenset(".!?;,:\n…、。！？‽؟・|•()[]{}")
_MAX_CORRECTIONS = 8
_MARKS = {"->": Role.TO, "+": Role.AND, "&": Role.AND, "/": Role.OR, "=": Role.TO, "≠": Role.NOT, "'": Role.FILLER}


@dataclass(frozen=True, slots=True)
class Item:
    """A phrase of a message. ``sign`` is its role's, or ``-`` where the sentence is cut, ``@`` for a person."""

    sign: str
    text: str
    start: int
    end: int
    sense: Sense | None = None
    topic: str = ""
    sure: bool = True
    """False for a method that was recognised through a doubtful typo."""
    corrected: str = ""
    """The word that a typo was read as."""


ADDRESS, MENTION, BREAK, QUOTED = "A@", "@@", "-", _QUOTED


def tag(tokens: list[Token], text: str, lexicon: Lexicon) -> list[Item]:
    """The items of a message whose tokens are ``segmented``, in order."""
    items = _quotations_closed(_look_up(tokens, lexicon))
    if lexicon.postpositions:
        items = _prepositions_first(items)
    return _methods_joined(items, text)


def segmented(tokens: list[Token], lexicon: Lexicon) -> list[Token]:
    """Runs that are written without blanks, cut into words."""
    if not lexicon.postpositions:
        return tokens
    cut: list[Token] = []
    for token in tokens:
        if token.kind is not TokenKind.WORD or token.lower.isascii():
            cut.append(token)
            continue
        position = token.start
        for piece in lexicon.segments(token.lower):
            cut.append(Token(TokenKind.WORD, piece, position, position + len(piece), piece, piece))
            position += len(piece)
    return cut


def _look_up(tokens: list[Token], lexicon: Lexicon) -> list[Item]:
    words, corrections = _words(tokens, lexicon)
    items: list[Item] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        found = lexicon.find(words, position)
        if found is None and token.lower.endswith("'s"):
            found = lexicon.find([(token.lower[:-2], token.bare[:-2])], 0)
        length = 1
        if found is not None and _is_really_a_name(tokens, position, found):
            found = None
        if found is not None:
            entry, length = found
            last = tokens[position + length - 1]
            typos = [corrections[at] for at in range(position, position + length) if at in corrections]
            items.append(
                Item(
                    entry.role.value,
                    " ".join(part.text for part in tokens[position : position + length]),
                    token.start,
                    last.end,
                    entry.sense,
                    entry.topic,
                    sure=all(sure for _, sure in typos),
                    corrected=" ".join(word for word, _ in typos),
                )
            )
        else:
            items.append(_item_of(token))
        position += length
    return items


_TICKET = re.compile("[A-Z]{2,8}[0-9]{3,12}")
_ACRONYMS = frozenset({"IT", "US"})


def _is_really_a_name(tokens: list[Token], position: int, found: tuple[Entry, int]) -> bool:
    """``IT`` is a department, and ``An`` in ``set An to sms`` a person."""
    entry, length = found
    text = tokens[position].text
    if entry.role is not Role.MINE or length > 1:
        return False
    around = [token.text for token in tokens[max(0, position - 2) : position + 3] if token.kind is TokenKind.WORD]
    if text in _ACRONYMS:
        return not all(word.isupper() for word in around)
    within = position > 0 and tokens[position - 1].kind is TokenKind.WORD
    after = tokens[position + 1].text if position + 1 < len(tokens) else ""
    return within and after.islower() and text.istitle() and len(text) in {2, 3}


def _words(tokens: list[Token], lexicon: Lexicon) -> tuple[list[tuple[str, str]], dict[int, tuple[str, bool]]]:
    """What is looked up of each token, with the typos that were mended."""
    words: list[tuple[str, str]] = []
    corrections: dict[int, tuple[str, bool]] = {}
    for index, token in enumerate(tokens):
        if token.kind is TokenKind.MARK:
            words.append((token.text, token.text))
            continue
        if token.kind not in {TokenKind.WORD, TokenKind.NUMBER}:
            words.append(("\0", "\0"))
            continue
        lower, bare = token.lower, token.bare
        unknown = not (lexicon.knows(lower) or lexicon.knows(bare) or lexicon.knows(lower.removesuffix("'s")))
        # A capital within a sentence is a name's, in most languages, and so is one before a comma: "Texter, Anna".
        named = token.text[:1].isupper() and (index > 0 or _surname_first(tokens))
        if unknown and len(corrections) < _MAX_CORRECTIONS and not named:
            mended = lexicon.correct(bare)
            if mended is not None:
                corrections[index] = (mended.word, mended.sure)
                lower = bare = mended.word
        words.append((lower, bare))
    return words, corrections


def _surname_first(tokens: list[Token]) -> bool:
    comma, first = tokens[1:2], tokens[2:3]
    return any(mark.text == "," for mark in comma) and any(word.text.istitle() for word in first)


def _item_of(token: Token) -> Item:
    match token.kind:
        case TokenKind.ADDRESS:
            sign = ADDRESS
        case TokenKind.MENTION:
            sign = MENTION
        case TokenKind.QUOTE:
            sign = token.text
        case TokenKind.NUMBER:
            sign = Role.NUMBER.value
        case TokenKind.MARK:
            sign = _sign_of_mark(token.text)
        case _ if _TICKET.fullmatch(token.text):
            sign = Role.FILLER.value
        case _:
            sign = Role.UNKNOWN.value
    return Item(sign, token.text, token.start, token.end)


def _sign_of_mark(mark: str) -> str:
    if mark in _MARKS:
        return _MARKS[mark].value
    # An emoji that is not known cuts like a comma.
    return BREAK if mark in _BREAKS or mark == "-" or ord(mark[0]) > 0x2000 else Role.FILLER.value


def _quotations_closed(items: list[Item]) -> list[Item]:
    """A quoted name of a method is the method; anything else in quotation marks is one item without meaning."""
    if all(item.sign != _OPEN for item in items):
        return [item for item in items if item.sign != _CLOSE]
    result: list[Item] = []
    whole = items[0].sign == _OPEN and not any(item.sign.isalpha() for item in _after_closing(items))
    inside: list[Item] | None = None
    for item in items:
        if item.sign == _OPEN:
            inside = []
        elif item.sign == _CLOSE and inside is not None:
            plain = {part.sign for part in inside} <= {Role.METHOD, Role.MINE, Role.LINK}
            named = inside and plain and not whole
            if named:
                result += inside
            else:
                result.append(Item(QUOTED, "…", inside[0].start if inside else item.start, item.end))
            inside = None
        elif inside is not None:
            inside.append(item)
        else:
            result.append(item)
    return result


def _after_closing(items: list[Item]) -> list[Item]:
    for index, item in enumerate(items):
        if item.sign == _CLOSE:
            return items[index + 1 :]
    return []


def _prepositions_first(items: list[Item]) -> list[Item]:
    """``SMS に`` as ``に SMS``, the order of the other languages."""
    moved: list[Item] = []
    floor = 0
    for item in items:
        behind = item.sign in {Role.TO, Role.FROM, Role.INSTEAD, Role.NOT, Role.FOR}
        place = len(moved)
        while (
            behind
            and place > floor
            and moved[place - 1].sign in {Role.METHOD, Role.LINK, Role.DEFAULT, Role.UNKNOWN, Role.TITLE}
        ):
            place -= 1
        if behind and place < len(moved):
            moved.insert(place, item)
            floor = len(moved)
        else:
            moved.append(item)
    return moved


def _methods_joined(items: list[Item], text: str) -> list[Item]:
    joined: list[Item] = []
    between: list[Item] = []
    for index, item in enumerate(items):
        if item.sign == Role.METHOD:
            before = joined[-1] if joined and joined[-1].sign == Role.METHOD else None
            goes_on = any(later.sign == Role.TO for later in items[index + 1 : index + 3])
            swapped = any(part.sign == Role.WITH for part in between) and any(
                earlier.sign in {Role.GO, Role.REPLACE} for earlier in joined
            )
            joins = before is not None and not swapped
            both = _join(before, between, item, text, goes_on=goes_on) if joins and before is not None else None
            if both is not None:
                joined[-1], between = both, []
                continue
            joined += [*between, item]
            between = []
        elif item.sign in _LINKS and joined and joined[-1].sign == Role.METHOD:
            between.append(item)
        else:
            joined += [*between, item]
            between = []
    return joined + between


def _join(first: Item, between: list[Item], second: Item, text: str, *, goes_on: bool) -> Item | None:
    """Two words for one method as one item; None if they are two methods.

    ``goes_on``: "to" follows, so that "from" before the second is where a change begins.
    """
    assert first.sense is not None
    assert second.sense is not None
    means = first.sense.means & second.sense.means
    if not means or any(part.text == "->" for part in between):
        return None
    signs = {part.sign for part in between}
    if Role.RATHER in signs and (first.sense.part, second.sense.part) != (Part.WAY, Part.PLACE):
        return None
    whence = first.sense.part is Part.WAY and second.sense.part is Part.PLACE and not goes_on
    if signs & {Role.FROM, Role.WITH} and not whence and not (Role.WITH in signs and Role.FROM not in signs):
        return None
    towards = Role.TO in signs
    a_call_to = first.sense.part is Part.WAY and second.sense.part is Part.PLACE and len(second.sense.means) != 2
    if towards and not (a_call_to or second.sense.part is Part.WAY):
        return None
    if towards and first.sense.means == second.sense.means:
        return None
    part = Part.WAY if Part.WAY in {first.sense.part, second.sense.part} else Part.PLACE
    return replace(
        first,
        text=" ".join(text[min(first.start, second.start) : max(first.end, second.end)].split()),
        start=min(first.start, second.start),
        end=max(first.end, second.end),
        sense=Sense(means, part),
        sure=first.sure and second.sure,
        corrected=" ".join(filter(None, (first.corrected, second.corrected))),
    )
