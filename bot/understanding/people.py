"""Whom a message is about: the writer, or somebody named by an address, a mention, a name or a pronoun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.understanding.tagging import ADDRESS, BREAK, MENTION, Item
from bot.understanding.vocabulary import Role, languages_of

__all__ = ["About", "find_people"]

_PARTICLES = frozenset("von van der den de la le del della da dos das di du el bin al ten ter zu y e".split())
_STARTS = frozenset({BREAK, Role.AND, Role.BUT, Role.BECAUSE, Role.GREETING, Role.FILLER})
_NOUNS_ARE_CAPITALISED = frozenset({"de"})
_TO_IS_FOR = frozenset({"fr", "es", "pt"})
_ARTICLES = frozenset({"o", "a", "os", "as", "el", "la", "le"})
"""Before names, as in ``para o Paulo``; short words that mean something else in a neighbouring language."""
_TITLES_BEHIND = frozenset({"ja"})


@dataclass(frozen=True, slots=True)
class About:
    """Whom a message is about, and its items without them."""

    items: tuple[Item, ...]
    target: str | None = None
    """A person as written; None for the writer."""
    pronoun: str | None = None
    """"her", where that is all that was said."""
    unclear: bool = False
    """True where a word stands in the place of a name and may be none."""
    claimed: str | None = None
    """The address that the writers give as their own."""


@dataclass(frozen=True, slots=True)
class _Name:
    text: str
    start: int
    end: int
    """Places in the items, the end excluded."""
    certain: bool
    owns: bool = False


_NAME = frozenset({Role.UNKNOWN, Role.TITLE})
_BEFORE_OWNERS = frozenset(
    {Role.SET, Role.GO, Role.SHOW, Role.WHAT, Role.MINE, Role.TO, Role.LINK, Role.UNDO, Role.HISTORY}
)


class _Reader:
    def __init__(self, items: Sequence[Item], text: str, language: str) -> None:
        self.items = list(items)
        self.text = text
        self.language = language

    def sign(self, index: int) -> str:
        return self.items[index].sign if 0 <= index < len(self.items) else BREAK

    def word(self, index: int) -> str:
        return self.items[index].text if 0 <= index < len(self.items) else ""

    def name_at(self, index: int, *, comma: bool = False) -> _Name | None:
        """The name that begins at ``index``; with ``comma`` also one whose surname comes first."""
        end, words, capitals, titled, owns = index, 0, 0, False, False
        while end < len(self.items) and not owns:
            item = self.items[end]
            if item.sign == Role.TITLE:
                titled = True
                # "Dr." is no end of a sentence.
                end += self.text[item.end : item.end + 1] == "." and self.sign(end + 1) == BREAK
            elif item.sign == Role.UNKNOWN or (words and self._is_capitalised(item)):
                words, capitals = words + 1, capitals + item.text[:1].isupper()
                owns = item.sign == Role.UNKNOWN and item.text.lower().endswith(("'s", "s'"))
            elif not self._joins_names(end, within=titled or words > 0, comma=comma and words == 1):
                break
            end += 1
        if not words:
            return None
        last = end - 1
        while self.language in _TITLES_BEHIND and last > index and self.sign(last) == Role.TITLE:
            # "Tanaka" is the name, "san" the courtesy.
            last -= 1
        span = self.text[self.items[index].start : self.items[last].end]
        if owns:
            span = span[: span.rindex("'")]
        first = next(item.text for item in self.items[index:end] if item.sign != Role.TITLE)
        needed = 2 if self.language in _NOUNS_ARE_CAPITALISED else 1
        enough = first[:1].isupper() and capitals >= needed
        return _Name(span, index, end, titled or enough or owns, owns)

    def _is_capitalised(self, item: Item) -> bool:
        return item.text[:1].isupper() and not item.text.isupper() and item.sign not in {BREAK, Role.I}

    def _joins_names(self, index: int, *, within: bool, comma: bool) -> bool:
        """``van der`` in the middle of a name, the comma of ``Lee, Ann``."""
        if self.sign(index + 1) != Role.UNKNOWN:
            return False
        word = self.word(index)
        return (within and word.lower() in _PARTICLES) or (comma and word == ",")

    def named(self) -> _Name | None:
        """The first name that stands where a person is meant."""
        for index, item in enumerate(self.items):
            name = self._in_place(index, item)
            if name is not None:
                return name
        return None

    def _in_place(self, index: int, item: Item) -> _Name | None:
        sign = item.sign
        if sign in {Role.USER, Role.FOR}:
            return self._introduced(index)
        article = sign == Role.TO and (self.sign(index + 1) == Role.MINE or self.word(index + 1) in _ARTICLES)
        if sign == Role.TO and self.language in _TO_IS_FOR and self.sign(index + 1 + article) in _NAME:
            # "para" is both "to" and "for".
            name = self.name_at(index + 1 + article)
            if name is not None and name.certain:
                return replace(name, start=index)
        if sign == Role.THEY and self.sign(index + 1) in _NAME:
            name = self.name_at(index + 1)
            return name if name is not None and name.certain else None
        before = self.sign(index - 1)
        if sign not in _NAME or before in {*_NAME, Role.LIKE, Role.SAID, Role.INTRODUCTION}:
            return None
        reversed_name = self.name_at(index, comma=True) if before in {Role.SET, Role.GO} else None
        if reversed_name is not None and self.sign(reversed_name.end) == Role.TO:
            return replace(reversed_name, certain=True)
        name = self.name_at(index)
        return self._placed(name, before) if name is not None else None

    def _introduced(self, index: int) -> _Name | None:
        """``for Ann``, ``user: Ann``."""
        colon = self.word(index + 1) == ":"
        start = index + 1 + colon
        while self.sign(start) in {Role.MINE, Role.COLLEAGUE}:
            start += 1
        name = self.name_at(start, comma=colon) if start < len(self.items) else None
        if name is None:
            return None
        return replace(name, start=index, certain=name.certain or self.sign(index) == Role.USER)

    def _placed(self, name: _Name, before: str) -> _Name | None:
        """``name``, if what stands around it says that it is one."""
        after = self.sign(name.end)
        if self.language in _TITLES_BEHIND and name.certain:
            return name
        starts = before in _STARTS
        if name.owns and (starts or before in _BEFORE_OWNERS):
            return name
        if before == Role.MINE and name.certain:
            # "Muda a Joana": some languages put an article before names.
            before = self.sign(name.start - 2)
        moved = before in {Role.SET, Role.GO, Role.WISH} and after in {Role.TO, Role.LINK}
        if moved or (after == Role.NEEDS and starts):
            return replace(name, certain=name.certain or (moved and after == Role.TO))
        if before == Role.SHOW and after == BREAK:
            return replace(name, certain=True)
        if starts and self._is_account(name):
            return replace(name, certain=True)
        if name.certain and self.word(name.start - 1) == "(" and self.word(name.end) == ")":
            return name
        full = name.certain and " " in name.text
        return name if full and before in {Role.SHOW, Role.LINK, Role.DEFAULT, Role.WHAT, Role.HISTORY} else None

    def _is_account(self, name: _Name) -> bool:
        """``mdubois to voice``, ``jbrandt phone call as default``: no word of any language, and a method for it."""
        if any(languages_of(part.lower()) for part in name.text.split()):
            return False
        rest = [item.sign for item in self.items[name.end :]]
        if rest[:2] == [Role.TO, Role.METHOD]:
            return True
        plain = {Role.METHOD, Role.LINK, Role.DEFAULT, Role.FILLER, BREAK}
        return rest[:1] == [Role.METHOD] and Role.DEFAULT in rest and set(rest) <= plain


def find_people(items: Sequence[Item], text: str, language: str) -> About:
    """Whom a message is about, and what is left of it."""
    reader = _Reader(_greetings_without_names(_names_of_words(items, language)), text, language)
    reader.items = _them_as_her(reader.items)
    pronoun = next((item.text for item in reversed(reader.items) if item.sign == Role.THEY), None)
    return _by_address(reader, pronoun) or _everyone(reader) or _by_name(reader, pronoun)


def _by_address(reader: _Reader, pronoun: str | None) -> About | None:
    """The person of an address or a mention; None where the message has neither."""
    places = [index for index, item in enumerate(reader.items) if item.sign in {ADDRESS, MENTION}]
    if not places:
        return None
    first = reader.items[places[0]]
    left = _without(reader.items, places)
    named = list({reader.items[place].text.casefold(): reader.items[place].text for place in places}.values())
    if first.sign == ADDRESS and reader.sign(places[0] - 1) == Role.INTRODUCTION:
        if len(named) == 1 and pronoun is None:
            return About(tuple(_needs_as_wish(left)), claimed=first.text)
        # The writers say who they are, and that it is about somebody else.
        return About(
            tuple(_needs_as_wish(left, named=True)),
            target=named[1] if len(named) > 1 else None,
            pronoun=pronoun,
            unclear=len(named) > 2,
        )
    if len(named) > 1:
        return About(tuple(_needs_as_wish(left, named=True)), target=first.text, unclear=True)
    name = _Reader(left, reader.text, reader.language).named()
    if name is not None:
        left = left[: name.start] + left[name.end :]
    # "Set Bob to sms. Regards, me@contoso.example"
    signed = name is not None and name.certain and _signs_off(reader, places[0])
    target = name.text if name is not None and signed else first.text
    return About(tuple(_needs_as_wish(left, named=True)), target=target)


def _by_name(reader: _Reader, pronoun: str | None) -> About:
    """The person of a name, or a colleague without one; the writer where there is neither."""
    name = reader.named()
    if name is None and pronoun is not None:
        name = _somebody_before(reader)
    if name is not None:
        left = reader.items[: name.start] + reader.items[name.end :]
        if name.certain:
            return About(tuple(_needs_as_wish(left, named=True)), target=name.text)
        return About(tuple(_needs_as_wish(left)), pronoun=pronoun, unclear=True)
    colleague = _colleague(reader)
    if colleague is None:
        return About(tuple(_needs_as_wish(reader.items)), pronoun=pronoun)
    start, end = colleague
    first = start + (reader.sign(start) == Role.FOR)
    target = reader.text[reader.items[first].start : reader.items[end - 1].end]
    left = reader.items[:start] + reader.items[end:]
    return About(tuple(_needs_as_wish(left, named=True)), target=target, pronoun=pronoun)


def _signs_off(reader: _Reader, place: int) -> bool:
    """True if the address at ``place`` is that of a signature."""
    before = place - 1
    while reader.sign(before) == BREAK and before > 0:
        before -= 1
    return reader.sign(before) in {Role.REGARDS, Role.THANKS}


def _names_of_words(items: Sequence[Item], language: str) -> list[Item]:
    """``Frau Ruf``, ``set Mark to sms``: words that stand where a name stands, as names."""
    changed = list(items)
    for index, item in enumerate(items):
        before = items[index - 1].sign if index else BREAK
        after = items[index + 1].sign if index + 1 < len(items) else BREAK
        if item.sign in {BREAK, Role.TITLE, Role.UNKNOWN, ADDRESS, MENTION} or not item.sign.isalpha():
            continue
        if language in _TITLES_BEHIND:
            named = item.sign == Role.METHOD and after == Role.TITLE
        elif not item.text.istitle() or " " in item.text:
            continue
        else:
            titled = before == Role.TITLE
            plain = (
                item.sign in {Role.FILLER, Role.SET, Role.DEFAULT, Role.THANKS, Role.REGARDS}
                and language not in _NOUNS_ARE_CAPITALISED
            )
            moved = before in {Role.SET, Role.GO} and after == Role.TO
            addressed = index + 1 < len(items) and items[index + 1].text == ":"
            starts = before == BREAK and item.sign == Role.SET and addressed
            named = titled or (plain and (moved or before == Role.FOR or starts))
        if named:
            changed[index] = replace(item, sign=str(Role.UNKNOWN), sense=None)
    return changed


def _everyone(reader: _Reader) -> About | None:
    """``everyone in Finance``: as written, up to what shall happen to them."""
    start = next((index for index, item in enumerate(reader.items) if item.sign == Role.PEOPLE), None)
    if start is None:
        return None
    end = start + 1
    while reader.sign(end) in {Role.UNKNOWN, Role.LINK, Role.ORDINARY, Role.MINE}:
        end += 1
    target = reader.text[reader.items[start].start : reader.items[end - 1].end]
    return About((*reader.items[: start + 1], *reader.items[end:]), target=target)


def _somebody_before(reader: _Reader) -> _Name | None:
    """``Dr. Osei can't hear the phone, text her``: a full name or a title that "her" stands for."""
    for index, item in enumerate(reader.items):
        if item.sign in {Role.UNKNOWN, Role.TITLE} and reader.sign(index - 1) in {BREAK, "p", "l", "g", "B", "A", "."}:
            name = reader.name_at(index)
            if name is not None and name.certain and (" " in name.text):
                return name
    return None


def _colleague(reader: _Reader) -> tuple[int, int] | None:
    """``my boss wants …``, ``for a colleague``: somebody else without a name; the place of the words."""
    for index, item in enumerate(reader.items):
        if item.sign != Role.COLLEAGUE:
            continue
        start = index - 1 if reader.sign(index - 1) == Role.MINE else index
        owns = item.text.lower().endswith("'s")
        if reader.sign(start - 1) in {Role.FOR, Role.SET, Role.GO, Role.USER}:
            return start - (reader.sign(start - 1) == Role.FOR), index + 1
        if reader.sign(index + 1) == Role.NEEDS or owns:
            return start, index + 1
    return None


def _greetings_without_names(items: Sequence[Item]) -> list[Item]:
    """Without ``hi Bob``, ``this is Maureen``, and what stands behind ``regards``."""
    kept: list[Item] = []
    skipping = signed = greeted = False
    for index, item in enumerate(items):
        if signed:
            continue
        if (
            kept
            and item.sign == Role.REGARDS
            and item.text.lower() != "best"
            and _only_a_name_follows(items[index + 1 :])
        ):
            signed = True
            continue
        # "Thanks, Push" may be a name.
        maybe_named = greeted and item.sign == Role.METHOD and item.text.istitle() and " " not in item.text
        greeted = item.sign in {Role.GREETING, Role.THANKS, Role.REGARDS} or (greeted and item.sign == BREAK)
        if item.sign in {Role.GREETING, Role.THANKS, Role.INTRODUCTION}:
            skipping = True
        elif skipping and item.sign in {Role.UNKNOWN, Role.TITLE} and item.text[:1].isupper():
            continue
        else:
            skipping = False
        kept.append(replace(item, sure=False) if maybe_named else item)
    return kept


def _only_a_name_follows(rest: Sequence[Item]) -> bool:
    return len(rest) <= 8 and all(
        item.sign in {Role.UNKNOWN, BREAK, Role.TITLE, Role.FILLER, Role.ORDINARY} for item in rest
    )


def _without(items: Sequence[Item], places: Sequence[int]) -> list[Item]:
    """The items without those at ``places``, and without the "for" or "user" before them."""
    gone = set(places)
    for place in places:
        before = place - 1
        while before >= 0 and items[before].sign == BREAK and items[before].text in {"(", ":", "<"}:
            before -= 1
        if before >= 0 and items[before].sign in {Role.FOR, Role.USER}:
            gone.add(before)
        if place + 1 < len(items) and items[place + 1].text == ")":
            gone.add(place + 1)
    return [item for index, item in enumerate(items) if index not in gone]


def _them_as_her(items: Sequence[Item]) -> list[Item]:
    """``set their default`` is about somebody; ``they say`` need not be."""
    changed: list[Item] = []
    for item in items:
        if item.sign == Role.THEM:
            before = changed[-1].sign if changed else BREAK
            about = before in {Role.SET, Role.GO, Role.FOR, Role.TO}
            changed.append(replace(item, sign=str(Role.THEY if about else Role.ORDINARY)))
        else:
            changed.append(item)
    return changed


def _needs_as_wish(items: Sequence[Item], *, named: bool = False) -> list[Item]:
    """``she wants push`` as a wish."""
    changed: list[Item] = []
    somebody = named
    for item in items:
        sign = item.sign
        if sign == Role.THEY:
            somebody = True
        if sign == Role.NEEDS and somebody:
            sign = Role.WISH
        changed.append(replace(item, sign=str(sign)) if sign != item.sign else item)
    return changed
