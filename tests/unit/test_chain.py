"""The chain of hashes: whatever somebody changes, removes, inserts or moves in a trail is found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.store.chain import GENESIS, ChainCheck, ChainReport, row_hash
from bot.store.schema import audit

Row = dict[str, Any]

COLUMNS = tuple(audit.c.keys())
NEW_YEAR = datetime(2026, 1, 1, 0, 0, 0, 7, tzinfo=UTC)
EMPTY: Row = dict.fromkeys(COLUMNS)


def linked(rows: Iterable[Row], seq: int = 0, previous_hash: str = GENESIS) -> list[Row]:
    """``rows`` as a sound chain, as the trail appends them."""
    chain = []
    for row in rows:
        seq += 1
        whole = {**EMPTY, "tid": "contoso", "kind": "intent", "at_utc": NEW_YEAR, **row}
        whole |= {"seq": seq, "previous_hash": previous_hash}
        whole["hash"] = previous_hash = row_hash(whole)
        chain.append(whole)
    return chain


def four() -> list[Row]:
    """A sound chain of four."""
    return linked({"intent_id": f"id {number}", "before": {"sms_registered": True}} for number in range(4))


def pruned(through: Row) -> Row:
    """What tells that all up to a row is gone."""
    return {"kind": "pruning", "pruned_through": through["seq"], "pruned_hash": through["hash"]}


def check(rows: Iterable[Row], heads: Iterable[str] = ()) -> ChainReport:
    """The verdict on ``rows``."""
    checking = ChainCheck("contoso", heads)
    for row in rows:
        checking.add(row)
    return checking.report()


FIXED: Row = {
    **EMPTY, "tid": "contoso", "seq": 2, "kind": "outcome", "at_utc": NEW_YEAR, "intent_id": "id 1",
    "after": {"userpreferredmethodforsecondaryauthentication": "oath", "sms_registered": True, "system": None},
    "outcome": "confirmed", "actor_name": "Zoë \"O'Neill\" 李", "previous_hash": GENESIS, "hash": "not part of it",
}  # fmt: skip
FIXED_TEXT = (
    '{"actor_name":"Zoë \\"O\'Neill\\" 李",'
    '"after":{"sms_registered":true,"system":null,"userpreferredmethodforsecondaryauthentication":"oath"},'
    '"at_utc":"2026-01-01T00:00:00.000007+00:00","intent_id":"id 1","kind":"outcome","outcome":"confirmed",'
    '"previous_hash":"0000000000000000000000000000000000000000000000000000000000000000","seq":2,"tid":"contoso"}'
)
FIXED_HASH = "7291e57664a3f700ab871b9c8df5a0416867c292037ebbbc62e4b920c3b1f74b"


def test_the_hash_of_a_row_never_changes() -> None:
    """A form that changes would break every trail on record, so text and hash of one row are pinned."""
    assert FIXED_HASH == hashlib.sha256(FIXED_TEXT.encode()).hexdigest()
    assert FIXED_HASH == row_hash(FIXED)


@pytest.mark.parametrize(
    "same",
    [
        {name: value for name, value in FIXED.items() if value is not None},
        {**FIXED, "a column that is added later": None},
        {**FIXED, "hash": "anything"},
        dict(reversed(FIXED.items())),
        {**FIXED, "after": dict(reversed(FIXED["after"].items()))},
        {**FIXED, "at_utc": NEW_YEAR.astimezone(timezone(timedelta(hours=-5)))},
    ],
    ids=["without null", "another null", "its own hash", "other order", "other order within", "another zone"],
)
def test_what_means_the_same_has_the_same_hash(same: Row) -> None:
    """Null columns, the order of columns and keys, and the zone of a moment do not count."""
    assert row_hash(FIXED) == row_hash(same)


def test_null_is_not_empty() -> None:
    """An empty text, zero or False is a value and counts."""
    assert 4 == len({row_hash({**FIXED, "error": value}) for value in (None, "", 0, False)})


def test_a_sound_chain_is_intact() -> None:
    """Nothing is found where nothing was done; the report names the head and how many rows there are."""
    chain = four()
    assert ChainReport("contoso", 4, chain[-1]["hash"], 4, 0) == check(chain, [row["hash"] for row in chain])
    assert ChainReport("contoso", 0, None, 0, 0) == check([])
    assert (True, True) == (check(chain).intact, check([]).intact)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("column", COLUMNS)
def test_each_changed_column_names_its_row(column: str, place: int) -> None:
    """Whichever column of whichever row is changed, in place, that row is named."""
    chain = four()
    forged = {"seq": 77, "pruned_through": 77, "at_utc": NEW_YEAR + timedelta(microseconds=1), "before": {}}
    chain[place][column] = forged.get(column, "forged")
    report = check(chain)

    # A row whose number is not its own is named by the number that it has.
    assert (chain[place]["seq"], False) == (report.broken_seq, report.intact)
    assert report.complaint


Forgery = Callable[[list[Row]], list[Row]]
BROKEN: dict[str, tuple[int, Forgery]] = {
    "middle row removed": (3, lambda c: [c[0], *c[2:]]),
    "first row removed": (2, lambda c: c[1:]),
    "rows swapped": (3, lambda c: [c[0], c[2], c[1], c[3]]),
    "rows swapped with their numbers": (2, lambda c: [c[0], {**c[2], "seq": 2}, {**c[1], "seq": 3}, c[3]]),
    "row twice": (2, lambda c: [*c[:2], c[1], *c[2:]]),
    "sound row inserted": (3, lambda c: [*c[:2], *linked([{}], 2, c[1]["hash"]), *c[2:]]),
    "sound row inserted, the rest moved on": (
        4,
        lambda c: [*c[:2], *linked([{}], 2, c[1]["hash"]), *({**row, "seq": row["seq"] + 1} for row in c[2:])],
    ),
    "sound row in place of another": (3, lambda c: [c[0], *linked([{}], 1, c[0]["hash"]), *c[2:]]),
    "another beginning": (2, lambda c: [*linked([{}]), *c[1:]]),
    "begins elsewhere": (1, lambda c: linked([{}, {}], 0, "f" * 64)),
}


@pytest.mark.parametrize(("expected", "forgery"), BROKEN.values(), ids=BROKEN)
def test_a_broken_chain_names_its_first_broken_row(expected: int, forgery: Forgery) -> None:
    """Rows that are gone, added or moved are found without any head."""
    report = check(forgery(four()))
    assert (expected, False) == (report.broken_seq, report.intact)


LOSSES: dict[str, tuple[int, Forgery]] = {
    "rebuilt from the first on": (4, lambda _: linked([{"error": "forged"}] * 4)),
    "rebuilt from the third on": (2, lambda c: [*c[:2], *linked([{}, {}], 2, c[1]["hash"])]),
    "cut by one": (1, lambda c: c[:-1]),
    "cut by three": (3, lambda c: c[:1]),
    "all gone": (4, lambda _: []),
}


@pytest.mark.parametrize(("lost", "forgery"), LOSSES.values(), ids=LOSSES)
def test_what_is_sound_in_itself_lacks_the_heads_that_were_noted(lost: int, forgery: Forgery) -> None:
    """A chain that was rebuilt or cut shows nothing by itself; the heads of the log that it lacks show it."""
    heads = [row["hash"] for row in four()]
    report = check(forgery(four()), [*heads, heads[-1]])

    assert check(forgery(four())).intact
    assert (None, tuple(heads[4 - lost :]), False) == (report.broken_seq, report.missing_heads, report.intact)


def test_a_pruned_chain_is_anchored_in_its_last_pruning() -> None:
    """Rows that are gone are vouched for by the row that tells of it; by no other, and not more than it says."""
    chain = four()
    once = [*chain[2:], *linked([pruned(chain[1])], 4, chain[3]["hash"])]
    twice = [*once[1:], *linked([pruned(chain[2])], 5, once[-1]["hash"])]

    assert [(True, 2), (True, 3)] == [(r.intact, r.pruned_through) for r in (check(once), check(twice))]
    # Anybody could claim to have pruned a head that was noted, so that alone does not count as finding it.
    assert (chain[1]["hash"],) == check(once, [chain[1]["hash"]]).missing_heads
    assert [4, 2, 5] == [check(rows).broken_seq for rows in (once[1:], [chain[1], *once], twice[1:])]


def test_a_chain_that_was_made_anew_does_not_pass_by_made_up_prunings() -> None:
    """Neither a claim to have pruned the heads that were noted, nor all rows wiped behind one, hides a rewriting."""
    heads = [row["hash"] for row in four()]
    claims = [{"kind": "intent", "pruned_through": 0, "pruned_hash": head} for head in heads]
    anew = linked([*claims, {"kind": "pruning", "pruned_through": 0, "pruned_hash": GENESIS}])
    wiped = linked([{"kind": "pruning", "pruned_through": 4, "pruned_hash": heads[-1]}], 4, heads[-1])

    assert (5, tuple(heads)) == (check(anew, heads).broken_seq, check(anew, heads).missing_heads)
    assert (heads[-1],) == check(wiped, heads[-1:]).missing_heads


@pytest.mark.parametrize("through", [0, 1, 6, -1, None])
def test_a_pruning_of_what_can_not_have_been_pruned_is_broken(through: int | None) -> None:
    """Rows go that are older than the row that tells of it, and each pruning goes further than the last."""
    chain = four()
    told = linked([pruned(chain[0]), {**pruned(chain[1]), "pruned_through": through}], 4, chain[3]["hash"])

    assert 6 == check([*chain[1:], *told]).broken_seq


SOME = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text(max_size=3)
    | st.dictionaries(st.text(max_size=2), st.booleans())
)
CONTENT = st.fixed_dictionaries({}, optional=dict.fromkeys(("key", "before", "after", "error", "reason"), SOME))


@settings(max_examples=300, deadline=None)
@given(st.lists(CONTENT, min_size=1, max_size=5), st.data())
def test_any_single_change_of_a_chain_is_found(contents: list[Row], data: st.DataObject) -> None:
    """Another value in any column of any row, a row fewer before the last, or two that changed places."""
    chain = linked(contents)
    place = data.draw(st.integers(0, len(chain) - 1))
    what = data.draw(st.sampled_from(["change", "remove", "swap"] if place < len(chain) - 1 else ["change"]))
    if what == "change":
        column = data.draw(st.sampled_from(COLUMNS))
        numbers = column in {"seq", "pruned_through"}
        value = data.draw(st.integers(-9, 9) if numbers else SOME)
        assume(value != chain[place][column])
        chain[place][column] = value
    elif what == "remove":
        del chain[place]
    else:
        chain[place], chain[place + 1] = chain[place + 1], chain[place]
    assert not check(chain).intact
