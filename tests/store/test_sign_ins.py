"""Sign-in pages and sign-outs: each code once, for its own person, not for long; known to all instances."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.errors import WrongPerson
from bot.store import PendingCommand, Store, WaitingCode
from tests.store.conftest import ADA, BEN, Clock

COMMAND = PendingCommand("command", ADA.tid, ADA.oid, {"kind": "show"}, "a:1", "message:1", 1)
FLOW = {"state": "state", "code_verifier": "verifier", "nonce": "nonce", "auth_uri": "https://login.example/"}
TICK, TEN, FIVE = timedelta(microseconds=1), timedelta(minutes=10), timedelta(minutes=5)


async def opened(store: Store) -> None:
    """Ada's command waits, and its page is open."""
    await store.inbox.await_sign_in(COMMAND)
    assert FLOW == await store.sign_ins.open(COMMAND, FLOW)


async def test_a_code_is_given_once_to_its_person(store: Store) -> None:
    """With what its page was opened with, by the handle or without it; then it is gone."""
    await opened(store)
    handle = await store.sign_ins.keep_code("state", "code")
    assert handle is not None
    assert len(handle) > 40

    taken = await store.sign_ins.take(ADA, handle)
    assert taken is not None
    assert WaitingCode("state", "command", FLOW, "code", taken.until_utc) == taken
    assert [None, None] == [await store.sign_ins.take(ADA, handle), await store.sign_ins.take(ADA)]


async def test_a_state_is_used_once(store: Store) -> None:
    """A second code for the same page is not taken, and the page is not opened again."""
    await opened(store)
    assert [True, False] == [await store.sign_ins.keep_code("state", code) is not None for code in ("code", "other")]
    assert await store.sign_ins.open(COMMAND, FLOW) is None
    assert await store.sign_ins.keep_code("unknown", "code") is None
    waiting = await store.sign_ins.take(ADA)
    assert waiting is not None
    assert "code" == waiting.code


async def test_somebody_elses_handle_is_refused_and_stays_good(store: Store) -> None:
    """Who has not begun a sign-in can't finish it, nor use it up."""
    await opened(store)
    handle = await store.sign_ins.keep_code("state", "code")

    with pytest.raises(WrongPerson):
        await store.sign_ins.take(BEN, handle)
    assert await store.sign_ins.take(BEN) is None
    assert await store.sign_ins.take(ADA, handle) is not None


async def test_a_page_is_opened_again_as_it_was(store: Store, clock: Clock) -> None:
    """The same state and verifier; its first opening gives it and its command ten minutes, another one none."""
    await store.inbox.await_sign_in(COMMAND)
    clock.now += TEN - TICK
    assert FLOW == await store.sign_ins.open(COMMAND, FLOW)
    clock.now += TEN - TICK
    assert COMMAND == await store.inbox.find_waiting("command")
    assert FLOW == await store.sign_ins.open(COMMAND, {**FLOW, "state": "another"})
    clock.now += TICK

    assert await store.inbox.find_waiting("command") is None
    assert await store.sign_ins.keep_code("state", "code") is None


async def test_a_page_is_good_for_ten_minutes_and_a_code_for_five(store: Store, clock: Clock) -> None:
    """Then the one takes no code any more, the other is given to nobody; a page can be opened anew."""
    await opened(store)
    clock.now += TEN
    assert await store.sign_ins.keep_code("state", "code") is None
    again = {**FLOW, "state": "again"}
    assert again == await store.sign_ins.open(COMMAND, again)
    assert await store.sign_ins.keep_code("again", "code") is not None
    clock.now += FIVE
    assert await store.sign_ins.take(ADA) is None
    assert [1, 0] == [await store.sign_ins.clean() for _ in range(2)]


async def test_a_code_that_could_not_be_redeemed_waits_again(store: Store) -> None:
    """Without its handle, for the person's next turn."""
    await opened(store)
    handle = await store.sign_ins.keep_code("state", "code")
    waiting = await store.sign_ins.take(ADA, handle)
    assert waiting is not None
    await store.sign_ins.put_back(ADA, waiting)

    assert store.sign_ins.may_have_code(ADA)
    assert [None, waiting] == [await store.sign_ins.take(ADA, handle), await store.sign_ins.take(ADA)]


async def test_a_code_does_not_come_back_in_the_way_of_a_newer_page(store: Store) -> None:
    """Opened again while Entra was asked: that page stays as it is, and brings a code of its own."""
    await opened(store)
    await store.sign_ins.keep_code("state", "code")
    waiting = await store.sign_ins.take(ADA)
    assert waiting is not None
    again = {**FLOW, "state": "again"}
    assert again == await store.sign_ins.open(COMMAND, again)

    await store.sign_ins.put_back(ADA, waiting)

    assert not store.sign_ins.may_have_code(ADA)
    assert await store.sign_ins.keep_code("again", "newer") is not None
    newer = await store.sign_ins.take(ADA)
    assert newer is not None
    assert ("again", "newer") == (newer.state, newer.code)


async def test_a_page_that_is_opened_late_revives_nothing(store: Store, clock: Clock) -> None:
    """A silent sign-in has carried the command out meanwhile: that it was there is remembered for its day."""
    await store.inbox.await_sign_in(COMMAND)
    await store.inbox.finish("message:1")
    await store.sign_ins.open(COMMAND, FLOW)
    clock.now += TEN
    await store.clean()

    assert not await store.inbox.begin(COMMAND)


async def test_of_ten_who_ask_for_a_code_one_gets_it(store: Store, other: Store) -> None:
    """In whichever instance."""
    await opened(store)
    await store.sign_ins.keep_code("state", "code")

    taken = await asyncio.gather(*((store, other)[number % 2].sign_ins.take(ADA) for number in range(10)))
    assert 1 == len([each for each in taken if each])


async def test_other_instances_learn_whose_code_waits(store: Store, other: Store, clock: Clock) -> None:
    """When they look; and that it does not wait any more as well."""
    await opened(store)
    await store.sign_ins.keep_code("state", "code")
    knew = [store.sign_ins.may_have_code(ADA), other.sign_ins.may_have_code(ADA)]
    await other.sign_ins.look_for_codes()
    know = [other.sign_ins.may_have_code(who) for who in (ADA, BEN)]
    clock.now += FIVE
    await other.sign_ins.look_for_codes()

    assert ([True, False], [True, False], False) == (knew, know, other.sign_ins.may_have_code(ADA))


async def test_signing_out_drops_pages_and_codes(store: Store) -> None:
    """Of that person, and of nobody else."""
    await opened(store)
    ben = PendingCommand("ben's", BEN.tid, BEN.oid, {"kind": "show"}, "a:2", "message:2", 1)
    await store.inbox.await_sign_in(ben)
    await store.sign_ins.open(ben, {**FLOW, "state": "ben's"})
    for state in ("state", "ben's"):
        await store.sign_ins.keep_code(state, "code")
    await store.sign_ins.drop(ADA)

    assert not store.sign_ins.may_have_code(ADA)
    assert [False, True] == [await store.sign_ins.take(who) is not None for who in (ADA, BEN)]


async def test_a_sign_out_is_news_to_every_other_instance_once(store: Store, other: Store, clock: Clock) -> None:
    """By what is new to it, not by a clock; a second sign-out is news again."""
    await store.sign_outs.note(ADA)
    first = [await other.sign_outs.news(), await other.sign_outs.news(), await store.sign_outs.news()]
    clock.now -= TEN
    await store.sign_outs.note(ADA)
    await store.sign_outs.note(BEN)

    assert [[(ADA.tid, ADA.oid)], [], []] == first
    assert {(ADA.tid, ADA.oid), (BEN.tid, BEN.oid)} == set(await other.sign_outs.news())


async def test_a_sign_out_is_kept_longer_than_any_token_lives(store: Store, clock: Clock) -> None:
    """A day."""
    await store.sign_outs.note(ADA)
    clock.now += timedelta(days=1) - TICK
    assert 0 == await store.sign_outs.clean()
    clock.now += TICK
    assert 1 == await store.sign_outs.clean()
