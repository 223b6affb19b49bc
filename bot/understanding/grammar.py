"""What a clause does: wants a method, rejects one, asks, states. Patterns over the signs of its items.

The signs are those of ``vocabulary.Role``. What changes nothing about the meaning is left out first: of *please switch
my default from sms to push* stay ``S f M t M``. Each pattern has to match a clause from end to end, so one word that it
does not know keeps a clause from being an instruction. The patterns serve all languages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from bot.understanding.tagging import Item
from bot.understanding.vocabulary import Part, Role

__all__ = ["Clause", "Kind", "read_clause"]

_DROPPED = frozenset({Role.FILLER, Role.MINE, Role.DEFAULT, Role.LINK, Role.NUMBER, Role.GREETING, Role.THEY})
_COURTESY = frozenset({Role.THANKS, Role.REGARDS})


class Kind(Enum):
    """What a clause does."""

    WANTS = "wants"
    """An instruction or wish; ``methods`` is wanted."""
    PREFERS = "prefers"
    """Only says that ``methods`` would be good."""
    REJECTS = "rejects"
    """``methods`` are not wanted."""
    OFFERS = "offers"
    """Several are named; which is left open."""
    OPEN = "open"
    """A change is wanted, but to what is not said."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause as it was read."""

    kind: Kind
    methods: frozenset[str]
    signs: str
    """What was left of its items."""
    items: tuple[Item, ...]
    decided: tuple[Item, ...] = ()
    """The items that decided, for the explanation."""
    imperative: bool = False
    """True if it says to do something, rather than only naming a method."""


_V = "[swSWJ]*"
_P = "[swSWJt]*"
_LAST_OF_THREE = 2
# With the place, from 0, of the wanted mention.
_WANTS = tuple(
    (re.compile(pattern), wanted)
    for pattern, wanted in (
        (rf"(?!t[sS]){_P}M{_P}", 0),
        (rf"{_V}MfMtM{_V}", 2),
        (rf"{_P}fM{_P}M{_V}", 1),
        (rf"{_V}tMfM{_V}", 0),
        (rf"{_V}MfM{_V}", 0),
        (rf"[sw]*S[sw]*MtM{_V}", 1),
        (rf"MtM[sw]*S{_V}", 1),
        (r"w?sMtM", 1),
        (rf"[sw]*S[sw]*MyM{_V}", 1),
        (r"MtM", 1),
        (rf"{_P}Mx[swSt]*M{_V}", 0),
        (rf"{_P}xM{_P}M{_V}", 1),
        (r"[swSpg]*R[sw]*M[tyF]?M", 1),
        (rf"{_P}MnM", 0),
        (r"[sw]*WM[txy]?M", 0),
        (rf"nMt?M[sw]*W{_V}", 1),
    )
)
_PREFERS = re.compile(r"<?M<?\+|<?\+<?M|<?M(?:x|)\+xM|\+MxM|M\+")
_REJECTS = re.compile(r"[nswSR]*[nx][nsw]*t?M(?:[on]M)*[swn]*|[swSRn]*M[sw]*[nx][swt]*|[swS]*t?X[tn]?M(?:oM)*")
_OFFERS = re.compile(rf"{_P}M(?:[oa]t?M)+a?{_V}|{_V}M(?:t?M)+{_V}|a?{_V}MaM{_V}")
_OPEN = re.compile(rf"{_V}t?%{_V}")


def _essential(items: Sequence[Item]) -> list[Item]:
    kept: list[Item] = []
    for item in items:
        # "By" names what is put in the place of something only behind that.
        placed = item.sign != Role.WITH or (kept and kept[-1].sign == Role.METHOD)
        if placed and item.sign not in _DROPPED and item.sign not in _COURTESY:
            kept.append(item)
    while kept and kept[0].sign in {Role.AND, Role.BUT, Role.BECAUSE, Role.OR, Role.ELSE}:
        kept = kept[1:]
    while kept and kept[-1].sign in {Role.FROM, Role.FOR, Role.WITH, Role.ELSE, Role.AND, Role.OR}:
        kept = kept[:-1]
    return kept


def read_clause(items: Sequence[Item]) -> Clause:
    """What the clause of ``items`` does."""
    kept = _essential(items)
    signs = "".join(item.sign for item in kept)
    every = tuple(items)
    mentions = [item for item in kept if item.sign == Role.METHOD]
    imperative = any(sign in signs for sign in "swSWR")
    wanted = None if _only_leaves(items, signs) else _wanted(signs, mentions)
    if wanted is not None:
        return Clause(Kind.WANTS, wanted, signs, every, tuple(kept), imperative)
    if _REJECTS.fullmatch(signs):
        rejected = frozenset().union(*(_means(item) for item in mentions))
        return Clause(Kind.REJECTS, rejected, signs, every, tuple(kept), imperative)
    if _OFFERS.fullmatch(signs) or (signs == "MtM"):
        offered = frozenset().union(*(_means(item) for item in mentions))
        return Clause(Kind.OFFERS, offered, signs, every, tuple(kept), imperative)
    if _PREFERS.fullmatch(signs):
        return Clause(Kind.PREFERS, _means(mentions[0]), signs, every, tuple(kept))
    if _OPEN.fullmatch(signs) or (Role.GO in signs and re.fullmatch(rf"{_V}t?", signs)):
        return Clause(Kind.OPEN, frozenset(), signs, every, tuple(kept), imperative)
    return Clause(Kind.OTHER, frozenset(), signs, every)


_OF = frozenset({"de", "do", "da", "du", "des", "del"})
"""Of, from: too weak to be ``from`` in the vocabularies, where they stand inside names."""


def _only_leaves(items: Sequence[Item], signs: str) -> bool:
    """``passe de SMS``, ``change SMS``: what is to be left is said, and not what for."""
    idle = {Role.MINE, Role.FILLER}
    words = [item for item in items if item.sign not in idle or item.text.casefold() in _OF]
    for go, *rest in (words[index : index + 3] for index in range(len(words))):
        if go.sign != Role.GO or Role.TO in signs or signs.count(Role.METHOD) != 1:
            continue
        if [item.sign for item in rest[:1]] == [Role.METHOD]:
            return go.text.casefold() in {"change", "changing"}
        if [item.text.casefold() in _OF for item in rest[:1]] == [True]:
            return [item.sign for item in rest[1:]] == [Role.METHOD]
    return False


def _only_a_place(mentions: Sequence[Item]) -> bool:
    """``text to my second phone`` is no change from texts to calls."""
    return not _is_place(mentions[0]) and _is_place(mentions[1])


def _wanted(signs: str, mentions: Sequence[Item]) -> frozenset[str] | None:
    """The methods that a clause of ``signs`` asks for, None if it asks for none."""
    found = next(((pattern, wanted) for pattern, wanted in _WANTS if pattern.fullmatch(signs)), None)
    if found is None:
        return None
    wanted = found[1]
    if signs == "MtM" and _only_a_place(mentions):
        return None
    if Role.GO in signs and Role.TO not in signs and _is_place(mentions[wanted]):
        # "Change my office phone" is about a number.
        return None
    if (Role.NOT in signs or Role.INSTEAD in signs) and _contradict(mentions):
        return None
    means = _means(mentions[wanted])
    # Calls, from the office phone to the mobile.
    return (means & _means(mentions[0]) or means) if wanted == _LAST_OF_THREE else means


def _contradict(mentions: Sequence[Item]) -> bool:
    """``texts, not text messages``: the same is wanted and not wanted."""
    return len(mentions) == 2 and bool(_means(mentions[0]) & _means(mentions[1]))


def _is_place(item: Item) -> bool:
    return item.sense is not None and item.sense.part is Part.PLACE


def _means(item: Item) -> frozenset[str]:
    assert item.sense is not None
    return item.sense.means
