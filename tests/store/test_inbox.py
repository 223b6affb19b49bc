"""Commands that are not finished: each is begun, claimed and told of once, and remembered for a day."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.store import PendingCommand, Store
from bot.store.inbox import LEASE, SIGN_IN_LIFETIME
from tests.database import rows
from tests.store.conftest import ADA, BEN, FABRIKAM, Clock, person

COMMAND = PendingCommand("exchange", ADA.tid, ADA.oid, {"kind": "set", "method": "oath"}, "a:1", "message:1", 1, "card")
TICK, DAY = timedelta(microseconds=1), timedelta(hours=24)


def command(number: int) -> PendingCommand:
    """Another command of the same person in the same chat."""
    return replace(COMMAND, id=f"exchange {number}", message_key=f"message:{number}")


async def test_of_fifty_deliveries_one_begins(store: Store, other: Store, clock: Clock) -> None:
    """A message is carried out once, however often and wherever it is delivered, for at least a day."""
    deliveries = ((store, other)[number % 2].inbox.begin(replace(COMMAND, id=f"id {number}")) for number in range(50))
    assert [True] == [begun for begun in await asyncio.gather(*deliveries) if begun]
    assert await store.inbox.begin(command(2))
    await store.inbox.finish("message:1")
    clock.now += DAY - TICK
    await store.clean()
    assert not await store.inbox.begin(COMMAND)
    clock.now += TICK
    assert 1 == await store.clean()
    assert await store.inbox.begin(COMMAND)


async def test_a_command_waits_for_its_person(store: Store, clock: Clock) -> None:
    """It is claimed whole by its person in its conversation, once, within ten minutes."""
    await store.inbox.await_sign_in(COMMAND)
    clock.now += SIGN_IN_LIFETIME - TICK
    strangers = [(BEN, "a:1"), (person("ada", FABRIKAM), "a:1"), (ADA, "a:2")]

    assert timedelta(minutes=10) == SIGN_IN_LIFETIME
    assert [[]] * 3 == [await store.inbox.claim(who, where) for who, where in strangers]
    assert [] == await store.inbox.claim(ADA, "a:1", "another exchange")
    assert not await store.inbox.begin(COMMAND)
    assert [COMMAND] == await store.inbox.claim(ADA, "a:1", "exchange")
    assert [] == await store.inbox.claim(ADA, "a:1")


async def test_a_command_does_not_wait_for_ever(store: Store, clock: Clock) -> None:
    """Ten minutes after it was said nobody gets it any more."""
    await store.inbox.await_sign_in(COMMAND)
    clock.now += SIGN_IN_LIFETIME

    assert [] == await store.inbox.claim(ADA, "a:1")


async def test_all_that_waits_is_claimed_in_the_order_of_saying_by_one(
    store: Store, other: Store, clock: Clock
) -> None:
    """Three commands that wait for one sign-in go to one of ten who ask, or one of them by its own exchange."""
    for number in (3, 1, 2, 4):
        await store.inbox.await_sign_in(command(number))
        clock.now += TICK

    assert [command(4)] == await store.inbox.claim(ADA, "a:1", "exchange 4")
    # Asked for again, a command keeps its place.
    await store.inbox.await_sign_in(command(3))
    claims = await asyncio.gather(*((store, other)[n % 2].inbox.claim(ADA, "a:1") for n in range(10)))
    assert [[command(3), command(1), command(2)]] == [claim for claim in claims if claim]


async def test_a_begun_command_may_wait_and_wait_again(store: Store, clock: Clock) -> None:
    """While it waits nobody counts as at work on it; each wait has its own exchange and its own ten minutes."""
    await store.inbox.begin(COMMAND)
    await store.inbox.await_sign_in(COMMAND)
    assert not await store.inbox.renew("message:1")
    clock.now += SIGN_IN_LIFETIME / 2
    assert [] == await store.inbox.take_interrupted()
    again = replace(COMMAND, id="another exchange", attempts=2, card_activity_id="another card")
    await store.inbox.await_sign_in(again)
    clock.now += SIGN_IN_LIFETIME - TICK

    assert [] == await store.inbox.claim(ADA, "a:1", "exchange")
    assert [again] == await store.inbox.claim(ADA, "a:1", "another exchange")
    assert await store.inbox.renew("message:1")


async def test_what_nobody_works_on_any_more_is_taken_once(store: Store, other: Store, clock: Clock) -> None:
    """Two minutes after the last sign of life a begun or claimed command is given to one of many, and is over."""
    await store.inbox.begin(command(1))
    await store.inbox.await_sign_in(command(2))
    await store.inbox.claim(ADA, "a:1")
    for number in (3, 4):
        await store.inbox.begin(command(number))
    await store.inbox.finish("message:3")
    clock.now += LEASE - TICK
    assert await store.inbox.renew("message:4")
    early = await store.inbox.take_interrupted()
    clock.now += TICK
    taken = await asyncio.gather(*((store, other)[n % 2].inbox.take_interrupted() for n in range(10)))

    assert (timedelta(minutes=2), []) == (LEASE, early)
    assert [{"message:1", "message:2"}] == [{each.message_key for each in some} for some in taken if some]
    renewed = [await store.inbox.renew(f"message:{number}") for number in (1, 2, 3, 4)]
    assert [False, False, False, True] == renewed
    clock.now += LEASE
    assert [command(4)] == await store.inbox.take_interrupted()


async def test_what_waits_can_be_finished_and_nothing_twice(store: Store, clock: Clock, database_url: str) -> None:
    """An answer ends a wait as well; what is over is not remembered for longer, and what is unknown does not matter."""
    await store.inbox.begin(command(1))
    await store.inbox.finish("message:1")
    clock.now += timedelta(hours=1)
    await store.inbox.await_sign_in(command(2))
    for key in ("message:1", "message:2", "unknown"):
        await store.inbox.finish(key)
    assert [] == await store.inbox.claim(ADA, "a:1")
    cleaned = []
    for pause in (DAY - timedelta(hours=1), timedelta(hours=1) - TICK, TICK):
        clock.now += pause
        cleaned.append(await store.clean())

    assert [1, 0, 1] == cleaned
    assert [] == rows(database_url, "SELECT * FROM commands")


async def test_cleaning_never_takes_what_is_worked_on(store: Store, clock: Clock, database_url: str) -> None:
    """What is over goes after a day, as does what waited in vain; what nobody has been told of stays."""
    await store.inbox.begin(command(1))
    await store.inbox.begin(command(2))
    await store.inbox.finish("message:2")
    await store.inbox.await_sign_in(command(3))
    cleaned = []
    for age in (timedelta(0), SIGN_IN_LIFETIME, DAY, 30 * DAY):
        clock.now += age
        cleaned.append(await store.clean())

    assert [0, 0, 2, 0] == cleaned
    assert [{"message_key": "message:1"}] == rows(database_url, "SELECT message_key FROM commands")
    assert [command(1)] == await store.inbox.take_interrupted()


async def test_a_message_whose_sign_in_never_came_is_not_begun_again(store: Store, clock: Clock) -> None:
    """It was there, though nothing came of it: delivered again within a day it does nothing."""
    await store.inbox.begin(command(1))
    await store.inbox.await_sign_in(command(1))
    clock.now += SIGN_IN_LIFETIME
    await store.clean()

    assert not await store.inbox.begin(replace(command(1), id="another"))
    assert [] == await store.inbox.claim(ADA, command(1).conversation_id)


async def test_a_claim_whose_answer_was_lost_can_be_made_again(store: Store) -> None:
    """By the one who made it, and by nobody else."""
    await store.inbox.await_sign_in(command(1))
    where = (ADA, command(1).conversation_id)
    claimed = [await store.inbox.claim(*where, claim_id=who) for who in ("one", "two", "one")]

    assert [[command(1)], [], [command(1)]] == claimed
