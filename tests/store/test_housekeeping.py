"""Housekeeping: what was interrupted is given up and told of once, the old goes, and nothing stops the next round."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog

from bot.errors import MfaBotError, StoreUnavailable, Unavailable
from bot.housekeeping import Housekeeping
from bot.store import AuditTrail, Head, OutcomeKind, PendingCommand, Store
from tests.conftest import eventually
from tests.store.conftest import ADA, BEN, NO_LIMITS, Clock, change, intent

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Teller:
    """Tells nobody but the test; fails for those for whom it is told to."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.failures: dict[str, Exception] = {}

    async def __call__(self, pending: PendingCommand) -> None:
        """A person is told."""
        self.told.append(pending.message_key)
        if pending.message_key in self.failures:
            raise self.failures[pending.message_key]


class Flaky(AuditTrail):
    """A trail that fails in one of its duties as often as it is told to."""

    def __init__(self, store: Store, clock: Clock, duty: str, *errors: Exception) -> None:
        super().__init__(store.database, clock)
        self.duty, self.errors = duty, list(errors)

    def _may_fail(self, duty: str) -> None:
        if duty == self.duty and self.errors:
            raise self.errors.pop(0)

    async def sweep(self) -> int:
        """As the trail's."""
        self._may_fail("sweep")
        return await super().sweep()

    async def prune(self, keep: timedelta) -> int:
        """As the trail's."""
        self._may_fail("prune")
        return await super().prune(keep)

    async def heads(self) -> list[Head]:
        """As the trail's."""
        self._may_fail("heads")
        return await super().heads()


@pytest.fixture
def teller() -> Teller:
    """One that never fails, so far."""
    return Teller()


def pending(number: int) -> PendingCommand:
    """A command that is being worked on."""
    return PendingCommand(f"id {number}", ADA.tid, ADA.oid, {"kind": "set"}, "a:1", f"message:{number}")


def housekeeping(
    store: Store,
    teller: Teller,
    keep: timedelta | None = None,
    observe: Callable[[OutcomeKind], None] = lambda kind: None,
) -> Housekeeping:
    """One that hardly pauses."""
    return Housekeeping(store, teller, keep=keep, every_s=0.005, observe_change=observe)


@asynccontextmanager
async def running(housekeeping: Housekeeping) -> AsyncIterator[None]:
    """At work until the block ends."""
    task = asyncio.create_task(housekeeping.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def entries(log: list[Any], event: str) -> list[dict[str, Any]]:
    """The log's entries of one kind."""
    return [entry for entry in log if entry["event"] == event]


async def test_a_round_does_all_that_is_due(store: Store, teller: Teller, clock: Clock) -> None:
    """What is lost gets an outcome and is counted, people are told, old rows go, and the head is in the log."""
    observed: list[OutcomeKind] = []
    await change(store.audit, intent("old"))
    clock.now += 10 * DAY
    for number in (1, 2):
        await store.audit.record_intent(intent(f"k{number}", (ADA, BEN)[number - 1]), NO_LIMITS)
        await store.inbox.begin(pending(number))
    await store.inbox.await_sign_in(pending(3))
    clock.now += HOUR
    with structlog.testing.capture_logs() as log:
        await housekeeping(store, teller, DAY, observed.append).work()
    (head,) = await store.audit.heads()

    assert ([OutcomeKind.UNKNOWN] * 2, ["message:1", "message:2"]) == (observed, sorted(teller.told))
    assert [2] == [entry["rows"] for entry in entries(log, "audit rows pruned")]
    heads = [(entry["tenant"], entry["seq"], entry["head"]) for entry in entries(log, "audit head")]
    # Before the pruning and after it.
    assert ([6, 7], (head.tid, 7, head.hash)) == ([seq for _, seq, _ in heads], heads[-1])
    assert 0 == await store.clean()


async def test_nothing_is_done_twice(store: Store, other: Store, teller: Teller, clock: Clock) -> None:
    """Several rounds of two instances at once tell each person once and give up each change once."""
    observed: list[OutcomeKind] = []
    for number in range(5):
        await store.inbox.begin(pending(number))
        await store.audit.record_intent(intent(f"k{number}", target=replace(ADA, oid=f"p{number}")), NO_LIMITS)  # type: ignore[arg-type]
    clock.now += HOUR
    keepers = [housekeeping(each, teller, None, observed.append) for each in (store, other) * 2]
    await asyncio.gather(*(each.work() for each in keepers))
    await asyncio.gather(*(each.work() for each in keepers))

    assert ([OutcomeKind.UNKNOWN] * 5, [f"message:{n}" for n in range(5)]) == (observed, sorted(teller.told))


async def test_without_an_end_nothing_is_pruned(store: Store, teller: Teller, clock: Clock) -> None:
    """The trail is kept for ever unless somebody has said how long."""
    await change(store.audit, intent())
    clock.now += 10_000 * DAY
    await housekeeping(store, teller).work()

    assert 2 == len([row async for row in store.audit.rows()])


async def test_the_head_is_logged_when_it_has_changed(store: Store, teller: Teller) -> None:
    """At the first round and then once an hour, at the end at any time; the same head is not logged again."""
    keeper = housekeeping(store, teller)
    logged = []
    for number, log_heads in enumerate((keeper.work, keeper.work, keeper.log_heads, keeper.log_heads)):
        if number < 3:
            await change(store.audit, intent(f"k{number}"))
        with structlog.testing.capture_logs() as log:
            await log_heads()
        logged.append([entry["seq"] for entry in entries(log, "audit head")])

    assert [[2], [], [6], []] == logged


@pytest.mark.parametrize("error", [StoreUnavailable(), ValueError("a bug")])
async def test_a_round_that_fails_does_not_stop_the_next(
    store: Store, teller: Teller, clock: Clock, error: Exception
) -> None:
    """The database is away for two rounds, or one breaks: it is logged, and the third does what is due."""
    await store.inbox.begin(pending(1))
    clock.now += HOUR
    flaky = replace(store, audit=Flaky(store, clock, "sweep", error, error))
    with structlog.testing.capture_logs() as log:
        async with running(housekeeping(flaky, teller)):
            await eventually(lambda: teller.told)

    assert 2 == len([entry for entry in log if entry["log_level"] == "error"])


@pytest.mark.parametrize("duty", ["prune", "heads"])
async def test_what_is_hourly_is_tried_again_at_the_next_round(
    store: Store, teller: Teller, clock: Clock, duty: str
) -> None:
    """Where the database is away at that moment, what is left is done by the next round and not an hour later."""
    await change(store.audit, intent("old"))
    clock.now += 10 * DAY
    keeper = housekeeping(replace(store, audit=Flaky(store, clock, duty, StoreUnavailable())), teller, DAY)
    with pytest.raises(StoreUnavailable):
        await keeper.work()
    with structlog.testing.capture_logs() as log:
        await keeper.work()

    assert 3 == [entry["seq"] for entry in entries(log, "audit head")][-1]


@pytest.mark.parametrize("error", [Unavailable("connector"), MfaBotError()])
async def test_who_can_not_be_told_stops_nobody_else(
    store: Store, teller: Teller, clock: Clock, error: Exception
) -> None:
    """A chat that does not take a message is logged; everybody else is told in the same round, nobody twice."""
    for number in (1, 2, 3):
        await store.inbox.begin(pending(number))
    clock.now += HOUR
    teller.failures = {f"message:{number}": error for number in (1, 2)}
    with structlog.testing.capture_logs() as log:
        for _ in range(2):
            await housekeeping(store, teller).work()

    assert ["message:1", "message:2", "message:3"] == sorted(teller.told)
    assert 2 == len([entry for entry in log if entry.get("error") == type(error).__name__])


async def test_a_teller_that_breaks_stops_nobody_else(store: Store, teller: Teller, clock: Clock) -> None:
    """An error of ours about one person must not keep the word from the others: nobody would tell them later."""
    for number in (1, 2, 3):
        await store.inbox.begin(pending(number))
    clock.now += HOUR
    teller.failures = {f"message:{number}": ValueError("a bug") for number in (1, 2, 3)}
    with structlog.testing.capture_logs():
        keeper = housekeeping(store, teller)
        for _ in range(2):
            with suppress(ValueError):
                await keeper.work()

    assert ["message:1", "message:2", "message:3"] == sorted(teller.told)
