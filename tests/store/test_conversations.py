"""Where people's chats are: noted, brought up to date, forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.store import ConversationAddress, Conversations, Store
from tests.database import rows
from tests.store.conftest import ADA, BEN, FABRIKAM, Clock

ADDRESS = ConversationAddress(ADA.tid, ADA.oid, "a:1", "https://smba.example/", "29:ada", "28:bot", "de-DE")
DAY = timedelta(days=1)


async def test_an_address_is_noted_and_found(store: Store) -> None:
    """What was noted last is found, for that person alone; forgetting it needs no more than the person."""
    moved = replace(ADDRESS, conversation_id="a:2", locale=None)
    bens = replace(ADDRESS, oid=BEN.oid)
    before = await store.conversations.find(ADA.tid, ADA.oid)
    for address in (ADDRESS, bens, moved):
        await store.conversations.note(address)
    people = [(ADA.tid, ADA.oid), (BEN.tid, BEN.oid), (FABRIKAM, ADA.oid)]
    assert [moved, bens, None] == [await store.conversations.find(*who) for who in people]
    await store.conversations.forget(ADA.tid, ADA.oid)
    await store.conversations.forget(ADA.tid, ADA.oid)
    assert [before, bens] == [await store.conversations.find(*who) for who in people[:2]]
    await store.conversations.note(moved)
    assert moved == await store.conversations.find(ADA.tid, ADA.oid)


async def test_who_moves_back_is_found_there(store: Store) -> None:
    """Two clients in two languages in turn: what was noted last counts, also if it was noted before within a day."""
    for address in (ADDRESS, replace(ADDRESS, locale="en-US"), ADDRESS):
        await store.conversations.note(address)

    assert ADDRESS == await store.conversations.find(ADA.tid, ADA.oid)


async def test_an_address_is_written_once_a_day(store: Store, clock: Clock, database_url: str) -> None:
    """Every message notes where it came from; only the first of a day writes."""
    seen = []
    for pause in (0 * DAY, DAY / 2, DAY / 2, DAY - timedelta(seconds=1)):
        clock.now += pause
        await store.conversations.note(ADDRESS)
        seen.append(rows(database_url, "SELECT seen_at_utc FROM conversations")[0]["seen_at_utc"])

    assert seen[0] == seen[1] < seen[2] == seen[3]


async def test_many_who_note_at_once(store: Store, other: Store, clock: Clock) -> None:
    """Ten first messages in two instances make one row, whoever comes first."""
    fresh = [Conversations(each.database, clock) for each in (store, other) * 5]
    await asyncio.gather(*(each.note(ADDRESS) for each in fresh))

    assert ADDRESS == await store.conversations.find(ADA.tid, ADA.oid)


async def test_who_was_not_seen_for_a_year_is_forgotten(store: Store, clock: Clock) -> None:
    """A year after the last sign of a person their address goes; whoever was seen since stays."""
    for oid in (ADA.oid, BEN.oid):
        await store.conversations.note(replace(ADDRESS, oid=oid))
    clock.now += 100 * DAY
    await store.conversations.note(ADDRESS)
    clock.now += 265 * DAY - timedelta(microseconds=1)
    early = await store.clean()
    clock.now += timedelta(microseconds=1)

    assert (0, 1, 0) == (early, await store.clean(), await store.clean())
    assert ADDRESS == await store.conversations.find(ADA.tid, ADA.oid)
    assert None is await store.conversations.find(BEN.tid, BEN.oid)
