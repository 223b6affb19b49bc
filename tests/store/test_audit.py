"""The audit trail: each wish once, one change of a person at a time, limits, what is given up, pruned and proved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import AlreadyBegun, ChangeUnderWay, NotBegun, TooManyChanges
from bot.mfa import DefaultMethod
from bot.store import AuditTrail, Change, Head, Intent, Limits, Outcome, OutcomeKind, Store
from bot.store.chain import GENESIS, row_hash
from bot.store.schema import audit
from tests.database import execute, rows, sqlite_url
from tests.store.conftest import (
    ADA,
    AFTER,
    BEFORE,
    BEN,
    CONTOSO,
    EVE,
    FABRIKAM,
    NO_LIMITS,
    Clock,
    change,
    intent,
    person,
    verdict,
)  # fmt: skip

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)


def kinds(database_url: str, tid: str = CONTOSO) -> list[str]:
    """What stands in a tenant's trail, by the rows' kinds and outcomes."""
    query = f"SELECT kind, outcome FROM audit WHERE tid = '{tid}' ORDER BY seq"  # noqa: S608
    return [f"{row['kind']} {row['outcome'] or ''}".strip() for row in rows(database_url, query)]


async def broken(store: Store) -> dict[str, int | None]:
    """The first broken row of each tenant."""
    return {report.tid: report.broken_seq for report in await store.audit.verify()}


# Intent and outcome


async def test_a_change_is_found_with_its_outcome(store: Store, clock: Clock) -> None:
    """What was begun under a key is found with all that was said of it, first without and then with its outcome."""
    wish = replace(intent(target=BEN), undoes="id of an earlier one")
    begun = Change(wish.id, DefaultMethod.OATH, BEFORE, clock.now, ADA, "id of an earlier one")
    missing = await store.audit.find_change("card:1")
    await store.audit.record_intent(wish, Limits())
    clock.now += SECOND
    first = await store.audit.find_change("card:1")
    await store.audit.record_outcome(Outcome(wish, OutcomeKind.REFUSED, error="MethodRefused"))

    assert (None, begun) == (missing, first)
    assert replace(begun, outcome=OutcomeKind.REFUSED, error="MethodRefused") == await store.audit.find_change("card:1")


async def test_a_row_holds_what_it_should_and_nothing_that_was_written(store: Store, database_url: str) -> None:
    """Who, whom, what in the bot's own words, before and after; no text of a message, no number, no token."""
    wish = replace(intent(target=BEN), by_button=True, undoes="id 0", reason="INC0001")
    await store.audit.record_intent(wish, Limits())
    await store.audit.record_outcome(Outcome(wish, OutcomeKind.CONFIRMED, AFTER, "graph 1", "Unavailable"))

    first, second = [row async for row in store.audit.rows()]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    nothing: dict[str, Any] = dict.fromkeys(audit.c.keys())
    request = {"tid": "contoso", "at_utc": now, "intent_id": "id card:1", "client_request_id": "request card:1"}
    assert nothing | request | {
        "seq": 1, "kind": "intent", "key": "card:1", "conversation_id": "a:1", "before": BEFORE, "reason": "INC0001",
        "actor_oid": "oid-ada", "actor_upn": "ada@contoso.example", "actor_name": "Ada",
        "target_oid": "oid-ben", "target_upn": "ben@contoso.example", "target_name": "Ben",
        "command": {"kind": "undo", "method": "oath", "by": "button", "undoes": "id 0"},
        "previous_hash": GENESIS, "hash": row_hash(first),
    } == first  # fmt: skip
    assert nothing | request | {
        "seq": 2, "kind": "outcome", "after": AFTER, "outcome": "confirmed", "error": "Unavailable",
        "graph_request_id": "graph 1", "previous_hash": first["hash"], "hash": row_hash(second),
    } == second  # fmt: skip
    null = rows(database_url, "SELECT count(*) AS n FROM audit WHERE before IS NULL AND kind = 'outcome'")
    assert [{"n": 1}] == null


async def test_no_record_fails_for_a_foreign_name(store: Store) -> None:
    """Names and ids come from elsewhere: what a column can't hold is left out, and the chain stays whole."""
    wild = replace(ADA, upn="u" * 999, display_name="A\0da " + "李" * 999)
    wish = replace(intent(actor=wild), conversation_id="c" * 999, reason="r\0" * 999)
    await store.audit.record_intent(wish, Limits())
    await store.audit.record_outcome(Outcome(wish, OutcomeKind.UNKNOWN, AFTER, "g\0" * 999, "E" * 999))
    found = await store.audit.find_change("card:1")

    assert found is not None
    assert ("u" * 320, "Ada " + "李" * 252, "E" * 64) == (found.actor.upn, found.actor.display_name, found.error)
    assert {CONTOSO: None} == await broken(store)


async def test_a_wish_can_not_begin_twice(store: Store, clock: Clock) -> None:
    """The same button or message never begins a second change, for whomever and however late."""
    await change(store.audit, intent())
    clock.now += 2 * HOUR

    wishes = [replace(intent(), id="another"), replace(intent(target=BEN), id="a third")]
    assert [AlreadyBegun] * 2 == [await verdict(store.audit, wish) for wish in wishes]


async def test_of_fifty_intents_of_one_key_one_wins(store: Store, other: Store, database_url: str) -> None:
    """However many try at once, in two instances, one may ask Graph."""
    tries = (
        verdict((store, other)[number % 2].audit, replace(intent(target=person(f"p{number}")), id=f"id {number}"))
        for number in range(50)
    )
    verdicts = await asyncio.gather(*tries)

    assert (1, 49) == (verdicts.count(None), verdicts.count(AlreadyBegun))
    assert ["intent"] == kinds(database_url)


async def test_one_change_of_a_person_at_a_time(store: Store, other: Store, clock: Clock) -> None:
    """While a change has no outcome nobody begins another for the same person; others are free."""
    wish = intent()
    await store.audit.record_intent(wish, NO_LIMITS)
    clock.now += MINUTE - TICK

    assert ChangeUnderWay is await verdict(other.audit, intent("card:2"))
    assert ChangeUnderWay is await verdict(other.audit, intent("card:2", EVE, ADA))
    assert None is await verdict(other.audit, intent("card:3", ADA, BEN))
    assert None is await verdict(other.audit, intent("card:4", person("ada", FABRIKAM)))
    await store.audit.record_outcome(Outcome(wish, OutcomeKind.REFUSED))
    assert None is await verdict(other.audit, intent("card:2"))


async def test_a_change_is_under_way_for_a_minute_at_most(store: Store, clock: Clock) -> None:
    """Whoever has not told an outcome within a minute has died and is not waited for, even before a sweep."""
    await store.audit.record_intent(intent(), NO_LIMITS)
    under_way = [await store.audit.is_under_way(who) for who in (ADA, BEN, person("ada", FABRIKAM))]
    clock.now += MINUTE - TICK
    under_way.append(await store.audit.is_under_way(ADA))
    clock.now += TICK

    assert [True, False, False, True] == under_way
    assert not await store.audit.is_under_way(ADA)
    assert None is await verdict(store.audit, intent("card:2"))
    await store.audit.record_outcome(Outcome(intent("card:2"), OutcomeKind.UNKNOWN))
    assert not await store.audit.is_under_way(ADA)


async def test_an_outcome_counts_once_and_needs_its_intent(store: Store, database_url: str) -> None:
    """The first outcome stays, also if fifty are told at once; an outcome of nothing is not recorded."""
    wish = intent()
    await store.audit.record_outcome(Outcome(wish, OutcomeKind.CONFIRMED))
    assert [] == kinds(database_url)
    await change(store.audit, wish)
    others = (Outcome(wish, kind) for kind in [*OutcomeKind] * 12)
    await asyncio.gather(*(store.audit.record_outcome(outcome) for outcome in others))

    assert ["intent", "outcome confirmed"] == kinds(database_url)


# Limits

BOUNDS: dict[str, tuple[int, Callable[[int], Intent]]] = {
    "self_per_hour": (10, lambda n: intent(f"self {n}")),
    "agent_per_hour": (60, lambda n: intent(f"agent {n}", EVE, person(f"p{n}"))),
    "target_per_hour": (3, lambda n: intent(f"target {n}", person(f"agent{n}"), ADA)),
}
"""Each limit with its documented number and with wishes that count for it, and for no other that is near."""


async def too_many(store: Store, wish: Intent, limits: Limits) -> tuple[int, float]:
    """The limit that was reached and how long to wait, in seconds."""
    with pytest.raises(TooManyChanges) as caught:
        await store.audit.record_intent(wish, limits)
    return caught.value.limit, caught.value.wait_s


async def test_the_limits_are_the_documented_ones(store: Store) -> None:
    """Ten an hour by a person, sixty by an agent whoever it is for, three of one person by whichever agents."""
    for number, wishes in BOUNDS.values():
        for n in range(number):
            await change(store.audit, wishes(n), limits=Limits())
        assert (number, 3600.0) == await too_many(store, wishes(number), Limits())


async def test_a_limit_can_be_set_and_its_hour_slides(store: Store, clock: Clock) -> None:
    """Each counts what was begun within the last sixty minutes, also what Graph refused, and says how long to wait."""
    for name, (_, wishes) in BOUNDS.items():
        limits = replace(NO_LIMITS, **{name: 2})
        await change(store.audit, wishes(1), OutcomeKind.REFUSED, limits)
        clock.now += 10 * MINUTE
        await change(store.audit, wishes(2), limits=limits)
        clock.now += 20 * MINUTE
        assert (2, 1800.0) == await too_many(store, wishes(3), limits)
        clock.now += 30 * MINUTE - TICK
        assert (2, 0.000001) == await too_many(store, wishes(3), limits)
        clock.now += TICK
        await change(store.audit, wishes(3), limits=limits)
        assert (2, 600.0) == await too_many(store, wishes(4), limits)


async def test_what_counts_for_one_limit_does_not_count_for_another(store: Store) -> None:
    """One's own changes, those for others, those by others and those of another tenant are counted apart."""
    one_each = Limits(1, 1, 1)
    free = [
        intent("own"),
        intent("as an agent", ADA, BEN),
        intent("by an agent", EVE, ADA),
        intent("another person's own", BEN),
        intent("elsewhere", person("ada", FABRIKAM)),
        intent("an agent elsewhere", person("ada", FABRIKAM), person("ben", FABRIKAM)),
    ]
    for wish in free:
        await change(store.audit, wish, limits=one_each)

    assert TooManyChanges is await verdict(store.audit, intent("own 2"), one_each)
    assert TooManyChanges is await verdict(store.audit, intent("as an agent 2", ADA, person("new")), one_each)
    assert TooManyChanges is await verdict(store.audit, intent("by an agent 2", person("new"), ADA), one_each)


async def test_what_was_not_begun_does_not_count(store: Store) -> None:
    """A wish that was turned away is not on record, so it does not bring the limit nearer."""
    limits = replace(NO_LIMITS, self_per_hour=2)
    await change(store.audit, intent("k1"), limits=limits)
    assert [AlreadyBegun] * 5 == [await verdict(store.audit, replace(intent("k1"), id="x"), limits) for _ in range(5)]

    assert None is await verdict(store.audit, intent("k2"), limits)


async def test_the_longest_wait_is_told(store: Store, clock: Clock) -> None:
    """Where an agent has reached two limits, the next change may be when both let it."""
    limits = Limits(10, 1, 1)
    await change(store.audit, intent("k1", EVE, BEN), limits=limits)
    clock.now += 10 * MINUTE
    await change(store.audit, intent("k2", person("agent"), ADA), limits=limits)

    assert 3600.0 == (await too_many(store, intent("k3", EVE, ADA), limits))[1]


async def test_the_limit_of_an_agent_holds_for_a_hundred_at_once(store: Store, other: Store) -> None:
    """A hundred changes for a hundred people, begun at once in two instances: sixty are begun, and no more."""
    tries = (verdict((store, other)[n % 2].audit, BOUNDS["agent_per_hour"][1](n), Limits()) for n in range(100))
    verdicts = await asyncio.gather(*tries)

    assert (60, 40) == (verdicts.count(None), verdicts.count(TooManyChanges))
    assert [None] == [report.broken_seq for report in await store.audit.verify()]


async def test_the_limit_of_one_target_holds_for_a_hundred_at_once(store: Store, other: Store) -> None:
    """The same where the changes are of one person: whoever finds one under way tries again until all is decided."""

    async def persist(trail: AuditTrail, wish: Intent, limits: Limits) -> type[NotBegun] | None:
        while (last := await verdict(trail, wish, limits)) is ChangeUnderWay:  # noqa: ASYNC110  nothing tells it
            await asyncio.sleep(0)
        if last is None:
            await trail.record_outcome(Outcome(wish, OutcomeKind.CONFIRMED))
        return last

    for name in ("self_per_hour", "target_per_hour"):
        limits = replace(NO_LIMITS, **{name: 3})
        tries = (persist((store, other)[n % 2].audit, BOUNDS[name][1](n), limits) for n in range(100))
        verdicts = await asyncio.gather(*tries)
        assert (3, 97) == (verdicts.count(None), verdicts.count(TooManyChanges))


# The last changes


async def test_the_last_changes_of_a_person(store: Store) -> None:
    """The newest first, as many as asked for, by whomever, also open ones, and only what may have taken."""
    for number, kind in enumerate(OutcomeKind):
        await change(store.audit, intent(f"{kind}", ADA if number % 2 else EVE, ADA), kind)
    for elsewhere in (intent("ben's", ADA, BEN), intent("fabrikam's", person("ada", FABRIKAM))):
        await change(store.audit, elsewhere)
    await store.audit.record_intent(intent("open"), NO_LIMITS)

    found = await store.audit.last_changes(ADA, 10)
    expected = [
        ("id open", None, ADA), ("id unknown", OutcomeKind.UNKNOWN, ADA), ("id accepted", OutcomeKind.ACCEPTED, ADA),
        ("id confirmed", OutcomeKind.CONFIRMED, EVE),
    ]  # fmt: skip
    assert expected == [(entry.intent_id, entry.outcome, entry.actor) for entry in found]
    assert found[:2] == await store.audit.last_changes(ADA, 2)
    assert [] == await store.audit.last_changes(EVE, 10)


async def test_what_is_past_is_of_one_moment(store: Store, other: Store) -> None:
    """However often a change begins and ends meanwhile: the last one is under way as long as it has no outcome."""

    async def keep_changing() -> None:
        for number in range(100):
            kind = OutcomeKind.CONFIRMED if number % 2 else OutcomeKind.REFUSED
            await change(other.audit, intent(f"k{number}"), kind)

    changing = asyncio.create_task(keep_changing())
    seen = set()
    while not changing.done():
        past = await store.audit.past_of(ADA)
        seen.add((past.under_way, past.last is not None and past.last.outcome is None))
    await changing

    assert {(True, True), (False, False)} == seen


# The sweep


async def test_what_was_interrupted_gets_an_outcome_once(
    store: Store, other: Store, clock: Clock, database_url: str
) -> None:
    """After a minute without outcome an intent is given up, by whichever instance, once; a younger one is not."""
    await change(store.audit, intent("ended"))
    await store.audit.record_intent(intent("lost", BEN), NO_LIMITS)
    await store.audit.record_intent(intent("lost too", person("ben", FABRIKAM)), NO_LIMITS)
    clock.now += TICK
    await store.audit.record_intent(intent("young", EVE), NO_LIMITS)
    clock.now += MINUTE - 2 * TICK
    early = await store.audit.sweep()
    clock.now += TICK
    swept = await asyncio.gather(*(each.audit.sweep() for each in (store, other) * 5))
    lost, young = [await store.audit.find_change(key) for key in ("lost", "young")]

    assert (0, 2, 0) == (early, sum(swept), await store.audit.sweep())
    assert ["intent", "outcome confirmed", "intent", "intent", "outcome unknown"] == kinds(database_url)
    assert ["intent", "outcome unknown"] == kinds(database_url, FABRIKAM)
    assert lost is not None
    assert young is not None
    assert (OutcomeKind.UNKNOWN, "Interrupted", None) == (lost.outcome, lost.error, young.outcome)
    assert {CONTOSO: None, FABRIKAM: None} == await broken(store)


async def test_the_sweep_finds_what_comes_behind_its_mark(store: Store, clock: Clock) -> None:
    """What was young at one sweep, and what was begun after it, is found by a later one."""
    await store.audit.record_intent(intent("k1"), NO_LIMITS)
    clock.now += MINUTE / 2
    await store.audit.record_intent(intent("k2", BEN), NO_LIMITS)
    swept = [await store.audit.sweep()]
    clock.now += MINUTE / 2
    swept.append(await store.audit.sweep())
    clock.now += MINUTE / 2
    swept.append(await store.audit.sweep())
    await change(store.audit, intent("k3"))
    await store.audit.record_intent(intent("k4"), NO_LIMITS)
    swept.append(await store.audit.sweep())
    clock.now += MINUTE
    swept += [await store.audit.sweep(), await store.audit.sweep()]

    assert [0, 1, 1, 0, 1, 0] == swept


async def swept(store: Store, clock: Clock, wish: Intent) -> None:
    """Begin a change, and give it up."""
    await store.audit.record_intent(wish, NO_LIMITS)
    clock.now += MINUTE
    await store.audit.sweep()


async def test_what_is_known_late_wins(store: Store, clock: Clock, database_url: str) -> None:
    """An outcome that comes after the sweep is added, once, and counts; the chain stays whole."""
    await swept(store, clock, intent())
    for kind in (OutcomeKind.UNKNOWN, OutcomeKind.CONFIRMED, OutcomeKind.REFUSED):
        await store.audit.record_outcome(Outcome(intent(), kind, AFTER))
    found = await store.audit.find_change("card:1")

    assert ["intent", "outcome unknown", "late outcome confirmed"] == kinds(database_url)
    assert found is not None
    assert OutcomeKind.CONFIRMED is found.outcome
    assert [found] == await store.audit.last_changes(ADA, 10)
    assert (0, {CONTOSO: None}) == (await store.audit.sweep(), await broken(store))


async def test_a_late_outcome_leaves_no_error_of_the_sweep(store: Store, clock: Clock) -> None:
    """A change that is confirmed late, without an error, was not interrupted after all."""
    await swept(store, clock, intent())
    await store.audit.record_outcome(Outcome(intent(), OutcomeKind.CONFIRMED, AFTER))
    found = await store.audit.find_change("card:1")

    assert found is not None
    assert (OutcomeKind.CONFIRMED, None) == (found.outcome, found.error)


async def test_a_change_that_was_refused_as_is_known_late_is_no_last_change(store: Store, clock: Clock) -> None:
    """What Graph refused is not put back, even if nobody knew that for a while."""
    await swept(store, clock, intent())
    await store.audit.record_outcome(Outcome(intent(), OutcomeKind.REFUSED, error="MethodRefused"))
    found = await store.audit.find_change("card:1")

    assert found is not None
    assert (OutcomeKind.REFUSED, "MethodRefused") == (found.outcome, found.error)
    assert [] == await store.audit.last_changes(ADA, 10)


# Pruning


async def test_pruning_removes_the_oldest_and_stays_verifiable(store: Store, clock: Clock, database_url: str) -> None:
    """Old rows go, younger ones stay, a row tells what is gone, and a second and third pruning are as sound."""
    heads = []
    for number in range(4):
        await change(store.audit, intent(f"k{number}"))
        heads.append((await store.audit.heads())[0].hash)
        clock.now += 10 * DAY
    # Days 0, 10, 20 and 30 are on record, two rows each, and it is day 40.
    nothing = await store.audit.prune(40 * DAY)
    first = await store.audit.prune(35 * DAY)
    after_first = kinds(database_url)
    (report,) = await store.audit.verify((heads[1], heads[-1]))
    second, again = await store.audit.prune(15 * DAY), await store.audit.prune(15 * DAY)

    assert (0, 2, 4, 0) == (nothing, first, second, again)
    assert ["intent", "outcome confirmed"] * 3 + ["pruning"] == after_first
    assert (True, 7, 9, 2) == (report.intact, report.rows, report.head_seq, report.pruned_through)
    assert ["intent", "outcome confirmed", "pruning", "pruning"] == kinds(database_url)
    (report,) = await store.audit.verify((heads[3],))
    assert (True, 4, 10, 6) == (report.intact, report.rows, report.head_seq, report.pruned_through)


async def test_pruning_everything_stays_verifiable(store: Store, clock: Clock, database_url: str) -> None:
    """Where all is old only the word of it is left, which is not pruned for its own sake, and the numbers go on."""
    await change(store.audit, intent("k1"))
    await change(store.audit, intent("k2", person("ben", FABRIKAM)))
    await store.audit.record_intent(intent("k3", BEN), NO_LIMITS)
    clock.now += 10 * DAY
    pruned = [await store.audit.prune(DAY)]
    clock.now += 10 * DAY
    pruned += [await store.audit.prune(DAY), await store.audit.prune(DAY)]
    left = kinds(database_url) + kinds(database_url, FABRIKAM)
    whole = await broken(store)
    await change(store.audit, intent("k4"))
    clock.now += 10 * DAY
    pruned += [await store.audit.prune(DAY), await store.audit.prune(DAY)]
    (contoso, fabrikam) = await store.audit.verify()

    assert ([5, 0, 0, 3, 0], ["pruning", "pruning"]) == (pruned, left)
    assert {CONTOSO: None, FABRIKAM: None} == whole
    assert (True, 1, 7, 6) == (contoso.intact, contoso.rows, contoso.head_seq, contoso.pruned_through)
    assert (True, 1, 3, 2) == (fabrikam.intact, fabrikam.rows, fabrikam.head_seq, fabrikam.pruned_through)


async def test_pruning_leaves_no_gap(store: Store, clock: Clock, database_url: str) -> None:
    """Where a clock was set back, an old row behind a young one stays: only the beginning may go."""
    for days in (0, 20, -20):
        clock.now += days * DAY
        await change(store.audit, intent(f"day {days}"))
    clock.now += 25 * DAY

    assert (2, [1, 2]) == (await store.audit.prune(10 * DAY), list(range(1, 3)))
    assert ["intent", "outcome confirmed"] * 2 + ["pruning"] == kinds(database_url)
    assert {CONTOSO: None} == await broken(store)


async def test_keeping_for_longer_than_there_is_time_prunes_nothing(store: Store) -> None:
    """A million days is another way to say for ever."""
    await change(store.audit, intent())

    assert 0 == await store.audit.prune(timedelta(days=1_000_000))


async def test_pruned_changes_are_swept_no_more(store: Store, other: Store, clock: Clock) -> None:
    """An intent that was pruned before anybody gave it up is gone, and the sweep of what follows goes on."""
    await store.audit.record_intent(intent("k1"), NO_LIMITS)
    clock.now += DAY
    await other.audit.prune(HOUR)
    await other.audit.record_intent(intent("k2"), NO_LIMITS)
    clock.now += MINUTE

    assert (1, 0) == (await store.audit.sweep(), await other.audit.sweep())


# Proof


async def test_heads_and_rows(store: Store, clock: Clock) -> None:
    """The head is the last row of each tenant; rows come by tenant in their order, from a moment on, before another."""
    assert ([], [], []) == (
        await store.audit.heads(),
        await store.audit.verify(),
        [r async for r in store.audit.rows()],
    )
    start = clock.now
    for number, who in enumerate((person("ben", FABRIKAM), ADA, BEN)):
        clock.now = start + number * HOUR
        await change(store.audit, intent(f"k{number}", who))
    everything = [row async for row in store.audit.rows()]

    async def places(since: datetime | None = None, until: datetime | None = None) -> list[tuple[str, int]]:
        return [(row["tid"], row["seq"]) async for row in store.audit.rows(since, until)]

    ours, theirs = [(CONTOSO, seq) for seq in (1, 2, 3, 4)], [(FABRIKAM, 1), (FABRIKAM, 2)]
    assert ours + theirs == [(row["tid"], row["seq"]) for row in everything]
    assert ours == await places(since=start + HOUR)
    assert theirs == await places(until=start + HOUR)
    assert ours[:2] == await places(start + HOUR, start + 2 * HOUR)
    heads = [Head(CONTOSO, 4, everything[3]["hash"]), Head(FABRIKAM, 2, everything[5]["hash"])]
    assert heads == await store.audit.heads()
    assert [(head.hash, head.seq) for head in heads] == [(r.head, r.head_seq) for r in await store.audit.verify()]


async def test_the_heads_of_all_tenants_can_be_checked_at_once(store: Store) -> None:
    """Each noted head must be in one of the chains: what none of the reports has found is missing."""
    for who in (ADA, person("ben", FABRIKAM)):
        await change(store.audit, intent(f"{who.tid}", who))
    heads = tuple(head.hash for head in await store.audit.heads())
    missing = [set(report.missing_heads) for report in await store.audit.verify((*heads, "f" * 64))]

    assert [{heads[1], "f" * 64}, {heads[0], "f" * 64}] == missing


def as_sql(value: object) -> str:
    """A value for a statement that somebody writes by hand."""
    return "NULL" if value is None else str(value) if isinstance(value, int) else f"'{value}'"


async def five_rows(store: Store, database_url: str) -> list[dict[str, Any]]:
    """Five rows, and a copy of their table from which they can be restored."""
    await change(store.audit, intent("k1"))
    await change(store.audit, intent("k2"))
    await store.audit.record_intent(intent("k3"), NO_LIMITS)
    execute(database_url, "CREATE TABLE saved AS SELECT * FROM audit")
    return [row async for row in store.audit.rows()]


def restore(database_url: str) -> None:
    """All as it was."""
    execute(database_url, "DELETE FROM audit", "INSERT INTO audit SELECT * FROM saved")


def another(column: str) -> object:
    """A value that no row has in that column."""
    if column in {"before", "after", "command"}:
        return '{"forged": true}'
    if column in {"at_utc", "pruned_until_utc"}:
        return "2027-01-01 00:00:00.000000"
    return {"tid": "a forged tenant", "kind": "forged"}.get(column, "77" if column in NUMBERS else "f" * 16)


NUMBERS = {"seq", "pruned_through"}


async def test_each_changed_column_is_found(store: Store, database_url: str) -> None:
    """Whichever column of a row somebody changes in the database, the check names that row."""
    await five_rows(store, database_url)
    found = {}
    for column in audit.c.keys():  # noqa: SIM118  a collection of columns, not a dictionary
        value = int(str(another(column))) if column in NUMBERS else another(column)
        execute(database_url, f"UPDATE audit SET {column} = {as_sql(value)} WHERE seq = 2")  # noqa: S608
        found[column] = (await broken(store))[CONTOSO]
        restore(database_url)

    # Where the row has gone elsewhere, the one behind it is the first that is not as it was.
    assert dict.fromkeys(audit.c.keys(), 2) | {"tid": 3, "seq": 3} == found
    assert {CONTOSO: None} == await broken(store)


UNREADABLE = {
    "before": "'no JSON'",
    "at_utc": "'no date'",
    "actor_name": "x'00'",
    "actor_upn": "CAST(x'41ff42' AS TEXT)",
    "tid": "CAST(x'41ff42' AS TEXT)",
}


@pytest.mark.parametrize("column", UNREADABLE)
async def test_a_row_that_can_not_even_be_read_is_named(tmp_path: Path, column: str) -> None:
    """SQLite takes anything in any column (PostgreSQL does not); nonsense is a broken row, not the end of the check."""
    store = await Store.open(sqlite_url(tmp_path / "mfabot.db"))
    await change(store.audit, intent())
    execute(sqlite_url(tmp_path / "mfabot.db"), f"UPDATE audit SET {column} = {UNREADABLE[column]} WHERE seq = 2")  # noqa: S608
    try:
        assert 2 in (await broken(store)).values()
    finally:
        await store.close()


async def test_a_row_that_is_nested_without_end_is_named(store: Store, database_url: str) -> None:
    """Reading it would go deeper than Python does; that is a broken row as well, and the others are still looked at."""
    await five_rows(store, database_url)
    (head,) = await store.audit.heads()
    await asyncio.to_thread(execute, database_url, f"UPDATE audit SET before = '{DEEP}' WHERE seq = 3")  # noqa: S608

    (report,) = await store.audit.verify((head.hash,))
    assert (3, 5, ()) == (report.broken_seq, report.rows, report.missing_heads)


DEEP = "[" * 3000 + "]" * 3000


COPIED = ", ".join(name for name in audit.c.keys() if name not in {"seq", "intent_id"})  # noqa: SIM118
RENUMBER = ("UPDATE audit SET seq = -seq WHERE seq IN (2, 3)", "UPDATE audit SET seq = 5 + seq WHERE seq < 0")
FORGERIES: dict[str, tuple[int | None, tuple[str, ...]]] = {
    "a row in the middle is gone": (4, ("DELETE FROM audit WHERE seq = 3",)),
    "the first row is gone": (2, ("DELETE FROM audit WHERE seq = 1",)),
    "the first two rows are gone": (3, ("DELETE FROM audit WHERE seq <= 2",)),
    "two rows have changed places": (2, RENUMBER),
    "a row is there twice": (
        3,
        (
            "UPDATE audit SET seq = -seq - 1 WHERE seq >= 3",
            "UPDATE audit SET seq = -seq WHERE seq < 0",
            f"INSERT INTO audit ({COPIED}, seq, intent_id) SELECT {COPIED}, 3, 'id new' FROM saved WHERE seq = 2",  # noqa: S608
        ),
    ),
    "the last row is gone": (None, ("DELETE FROM audit WHERE seq = 5",)),
    "the last three rows are gone": (None, ("DELETE FROM audit WHERE seq > 2",)),
}


async def test_a_forged_trail_is_found(store: Store, database_url: str) -> None:
    """Rows that are gone, moved or added break the chain; one cut at its end lacks the head that was noted before."""
    await five_rows(store, database_url)
    (head,) = await store.audit.heads()
    found = {}
    for name, (_, statements) in FORGERIES.items():
        execute(database_url, *statements)
        (report,) = await store.audit.verify((head.hash,))
        found[name] = report.broken_seq
        is_cut = name.startswith("the last")
        assert (False, not is_cut) == (report.intact, bool(report.complaint))
        assert ((head.hash,) if is_cut else ()) == report.missing_heads
        restore(database_url)

    assert {name: seq for name, (seq, _) in FORGERIES.items()} == found
    assert {CONTOSO: None} == await broken(store)


async def test_a_rebuilt_trail_lacks_the_head_that_was_noted(store: Store, database_url: str) -> None:
    """Whoever computes all hashes anew from a changed row on makes a sound chain, but not the one of the log."""
    original = await five_rows(store, database_url)
    (head,) = await store.audit.heads()
    previous = original[1]["hash"]
    for row in original[2:]:
        forged = row | {"actor_name": "Somebody else", "previous_hash": previous}
        forged["hash"] = row_hash(forged)
        execute(
            database_url,
            f"UPDATE audit SET actor_name = 'Somebody else', previous_hash = '{previous}', hash = '{forged['hash']}' "  # noqa: S608
            f"WHERE seq = {row['seq']}",
        )
        previous = forged["hash"]
    noted = (original[1]["hash"], original[3]["hash"], head.hash)
    (without,), (report,) = await store.audit.verify(), await store.audit.verify(noted)

    assert (True, None, False) == (without.intact, report.broken_seq, report.intact)
    assert noted[1:] == report.missing_heads


async def test_the_trails_of_tenants_do_not_touch_each_other(store: Store, database_url: str) -> None:
    """What is broken in one tenant's trail leaves another's whole."""
    for number, who in enumerate((ADA, person("ben", FABRIKAM)) * 2):
        await change(store.audit, intent(f"k{number}", who))
    execute(database_url, "UPDATE audit SET error = 'forged' WHERE tid = 'contoso' AND seq = 2")

    assert {CONTOSO: 2, FABRIKAM: None} == await broken(store)
