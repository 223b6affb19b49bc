"""Commands that are not finished: each is begun, claimed and told of once, and remembered for a day."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.store import PendingCommand, SignInDemand, Store, Waiting
from bot.store.inbox import LEASE, SIGN_IN_LIFETIME
from tests.database import rows
from tests.store.conftest import ADA, BEN, FABRIKAM, Clock, person

COMMAND = PendingCommand("exchange", ADA.tid, ADA.oid, {"kind": "set", "method": "oath"}, "a:1", "message:1", 1, "card")
TICK, DAY = timedelta(microseconds=1), timedelta(hours=24)


def only(exchange_id: str) -> Waiting:
    """The command of one sign-in card alone."""
    return Waiting(exchange_id, only_this=True)


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
    assert [[]] * 3 == [await store.inbox.claim(who, where, Waiting()) for who, where in strangers]
    assert [] == await store.inbox.claim(ADA, "a:1", only("another exchange"))
    assert not await store.inbox.begin(COMMAND)
    assert [COMMAND] == await store.inbox.claim(ADA, "a:1", only("exchange"))
    assert [] == await store.inbox.claim(ADA, "a:1", Waiting())


async def test_a_command_does_not_wait_for_ever(store: Store, clock: Clock) -> None:
    """Ten minutes after it was said nobody gets it any more."""
    await store.inbox.await_sign_in(COMMAND)
    clock.now += SIGN_IN_LIFETIME

    assert [] == await store.inbox.claim(ADA, "a:1", Waiting())


async def test_all_that_waits_is_claimed_in_the_order_of_saying_by_one(
    store: Store, other: Store, clock: Clock
) -> None:
    """Three commands that wait for one sign-in go to one of ten who ask, or one of them by its own exchange."""
    for number in (3, 1, 2, 4):
        await store.inbox.await_sign_in(command(number))
        clock.now += TICK

    assert [command(4)] == await store.inbox.claim(ADA, "a:1", only("exchange 4"))
    # Asked for again, a command keeps its place.
    await store.inbox.await_sign_in(command(3))
    claims = await asyncio.gather(*((store, other)[n % 2].inbox.claim(ADA, "a:1", Waiting()) for n in range(10)))
    assert [[command(3), command(1), command(2)]] == [claim for claim in claims if claim]


async def test_what_was_said_before_and_waits_can_be_dropped(store: Store, clock: Clock) -> None:
    """Older and still waiting, of this person: neither what is worked on, nor what is newer, nor another person's."""
    for number in (1, 2, 3):
        await store.inbox.await_sign_in(replace(command(number), said_at_utc=clock.now))
        clock.now += TICK
    await store.inbox.claim(ADA, "a:1", only("exchange 1"))
    await store.inbox.await_sign_in(replace(COMMAND, id="ben's", message_key="ben's", oid=BEN.oid))
    clock.now += TICK

    older = await store.inbox.find_older(ADA, clock.now - 2 * TICK)
    await store.inbox.drop(["exchange 1", "exchange 2"])

    assert [command(2)] == older
    assert [command(3)] == await store.inbox.claim(ADA, "a:1", Waiting())
    assert await store.inbox.renew("message:1")


async def test_a_button_that_is_pressed_anew_is_a_newer_wish(store: Store, clock: Clock) -> None:
    """After its first wish is over it comes after what was said meanwhile; while it waits it keeps its place."""
    said = clock.now
    await store.inbox.await_sign_in(replace(command(1), said_at_utc=said))
    await store.inbox.finish("message:1")
    await store.inbox.await_sign_in(replace(command(2), said_at_utc=said + TICK))
    for later in (2, 3):
        await store.inbox.await_sign_in(replace(command(1), said_at_utc=said + later * TICK))

    assert [said + TICK, said + 2 * TICK] == [one.said_at_utc for one in await store.inbox.claim(ADA, "a:1", Waiting())]


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

    assert [] == await store.inbox.claim(ADA, "a:1", only("exchange"))
    assert [again] == await store.inbox.claim(ADA, "a:1", only("another exchange"))
    assert await store.inbox.renew("message:1")


async def test_what_nobody_works_on_any_more_is_taken_once(store: Store, other: Store, clock: Clock) -> None:
    """Two minutes after the last sign of life a begun or claimed command is given to one of many, and is over."""
    await store.inbox.begin(command(1))
    await store.inbox.await_sign_in(command(2))
    await store.inbox.claim(ADA, "a:1", Waiting())
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
    assert [] == await store.inbox.claim(ADA, "a:1", Waiting())
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
    assert [] == await store.inbox.claim(ADA, command(1).conversation_id, Waiting())


async def test_a_claim_whose_answer_was_lost_can_be_made_again(store: Store) -> None:
    """By the one who made it, and by nobody else."""
    await store.inbox.await_sign_in(command(1))
    where = (ADA, command(1).conversation_id, Waiting())
    claimed = [await store.inbox.claim(*where, claim_id=who) for who in ("one", "two", "one")]

    assert [[command(1)], [], [command(1)]] == claimed


# Waiting for the page

BY_PAGE = SignInDemand(by_page=True, claims="{}", login_hint="ada@contoso.example")


async def test_what_waits_for_the_page_is_not_for_a_silent_sign_in(store: Store) -> None:
    """A silent sign-in was too little for it; the page brings all, and its own card only that one."""
    page, silent = replace(command(1), demand=BY_PAGE), command(2)
    for each in (page, silent):
        await store.inbox.await_sign_in(each)
    await store.inbox.await_sign_in(command(3))

    assert [command(3)] == await store.inbox.claim(ADA, "a:1", only("exchange 3"))
    assert [silent] == await store.inbox.claim(ADA, "a:1", Waiting())
    assert [] == await store.inbox.claim(ADA, "a:1", Waiting("another"))
    assert [page] == await store.inbox.claim(ADA, "a:1", Waiting(by_page_too=True))


async def test_a_silent_exchange_of_its_own_card_takes_a_command_and_all_that_waits_silently(store: Store) -> None:
    """One client may bring a token that is good enough after another one could not."""
    own, page = replace(command(1), demand=BY_PAGE), replace(command(2), demand=BY_PAGE)
    for each in (own, page, command(3)):
        await store.inbox.await_sign_in(each)

    assert [own, command(3)] == await store.inbox.claim(ADA, "a:1", Waiting("exchange 1"))


async def test_what_waits_for_the_page_keeps_its_id(store: Store, clock: Clock) -> None:
    """Asked for again, also silently, none of its cards becomes void; within ten seconds no second card is sent."""
    first = replace(command(1), demand=BY_PAGE)
    assert first == await store.inbox.await_sign_in(first)
    clock.now += timedelta(seconds=10) - TICK
    assert await store.inbox.await_sign_in(replace(first, id="another", attempts=5)) is None
    clock.now += TICK
    newer = replace(first, id="a third", demand=SignInDemand(claims='{"newer": 1}'))

    waits = await store.inbox.await_sign_in(newer)

    assert replace(first, demand=replace(BY_PAGE, claims='{"newer": 1}')) == waits
    assert [waits] == await store.inbox.claim(ADA, "a:1", Waiting(by_page_too=True))


async def test_a_silent_wait_can_become_one_for_the_page(store: Store) -> None:
    """Under a new id, as its sign-in card lets no client try silently any more."""
    await store.inbox.await_sign_in(command(1))
    page = replace(command(1), id="by page", attempts=2, demand=BY_PAGE)

    assert page == await store.inbox.await_sign_in(page)
    assert [None, page] == [await store.inbox.find_waiting(each) for each in ("exchange 1", "by page")]


async def test_more_can_be_demanded_while_it_waits(store: Store, clock: Clock) -> None:
    """Only of a person's own command, and only as long as it waits."""
    await store.inbox.await_sign_in(command(1))
    for who, claims in ((BEN, "ben's"), (ADA, "ada's")):
        await store.inbox.demand_more("exchange 1", who, claims, "ada@contoso.example")

    demanded = SignInDemand(claims="ada's", login_hint="ada@contoso.example")
    assert replace(command(1), demand=demanded) == await store.inbox.find_waiting("exchange 1")
    clock.now += SIGN_IN_LIFETIME
    await store.inbox.demand_more("exchange 1", ADA, "too late", "")
    assert await store.inbox.find_waiting("exchange 1") is None


async def test_all_can_be_dropped(store: Store) -> None:
    """Of one person, also what was begun; and it can't wait for a sign-in after that."""
    await store.inbox.await_sign_in(replace(command(1), demand=BY_PAGE))
    await store.inbox.await_sign_in(command(2))
    await store.inbox.await_sign_in(replace(command(3), oid=BEN.oid))
    await store.inbox.begin(command(4))
    begun = await store.inbox.claim(ADA, "a:1", only("exchange 2"))
    await store.inbox.drop_all(ADA)

    assert [] == await store.inbox.claim(ADA, "a:1", Waiting(by_page_too=True))
    assert 1 == len(await store.inbox.claim(BEN, "a:1", Waiting()))
    assert [False, False] == [await store.inbox.renew(f"message:{number}") for number in (2, 4)]
    assert [None] == [await store.inbox.await_sign_in(one) for one in begun]
