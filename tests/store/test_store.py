"""The store on a real SQLite file: claims are decided once, records stay, failures have one name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine

from bot.errors import StoreUnavailable
from bot.mfa import DefaultMethod, Oid, Person, TenantId
from bot.store import Intent, Outcome, OutcomeKind, PendingCommand, Store
from bot.store.schema import metadata

ADA = Person(Oid("ada"), TenantId("contoso"), "ada@contoso.example", "Ada")
GRACE = Person(Oid("grace"), TenantId("contoso"))
PENDING = PendingCommand("exchange", ADA.tid, ADA.oid, {"kind": "set", "method": "oath"}, "a:1", "message:1", 1, "card")
INTENT = Intent("intent", ADA, ADA.oid, DefaultMethod.OATH, "a:1", {"before": "push"}, "request", "card:1")


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The moment that it is."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """New Year 2026."""
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that does not exist yet."""
    return f"sqlite+aiosqlite:///{tmp_path}/test.db"


@pytest.fixture
async def store(url: str, clock: Clock) -> AsyncIterator[Store]:
    """An open store."""
    opened = await Store.open(url, clock=clock)
    yield opened
    await opened.close()


async def test_of_fifty_claims_one_wins(store: Store) -> None:
    """However many claim a key at once, one gets it, and nobody after."""
    claims = await asyncio.gather(*(store.claim_once("key", timedelta(hours=1)) for _ in range(50)))

    assert [claim for claim in claims if claim] == [True]
    assert not await store.claim_once("key", timedelta(hours=1))


async def test_of_fifty_presses_one_spends_the_card(store: Store) -> None:
    """Rule 4: insert-if-absent decides who may act."""
    presses = (store.spend_action("card", ADA, ADA.oid, DefaultMethod.SMS) for _ in range(50))

    assert [spent for spent in await asyncio.gather(*presses) if spent] == [True]


async def test_a_pending_command_goes_to_its_person_once(store: Store) -> None:
    """Only its own person can claim it, whole, and only once, also if ten ask at the same time."""
    await store.remember_pending(PENDING)

    assert [] == await store.claim_pending(GRACE, "a:1")
    assert [] == await store.claim_pending(replace(ADA, tid=TenantId("other")), "a:1")
    assert [] == await store.claim_pending(ADA, "a:2")
    claims = await asyncio.gather(*(store.claim_pending(ADA, "a:1") for _ in range(10)))
    assert [[PENDING]] == [claim for claim in claims if claim]


async def test_pending_commands_come_in_the_order_in_which_they_were_said(store: Store, clock: Clock) -> None:
    """Two commands that wait for one sign-in are claimed together, the older first."""
    await store.remember_pending(replace(PENDING, id="z"))
    clock.now += timedelta(milliseconds=1)
    await store.remember_pending(replace(PENDING, id="a"))

    assert ["z", "a"] == [pending.id for pending in await store.claim_pending(ADA, "a:1")]


async def test_a_pending_command_expires(store: Store, clock: Clock) -> None:
    """Ten minutes after it was said a command is not carried out any more."""
    await store.remember_pending(PENDING)
    clock.now += timedelta(minutes=10, seconds=1)

    assert [] == await store.claim_pending(ADA, "a:1")


async def test_a_change_is_found_with_its_outcome(store: Store) -> None:
    """What was begun under a key is found, first without and then with its outcome."""
    assert await store.find_change("card:1") is None
    await store.record_intent(INTENT)
    begun = await store.find_change("card:1")
    await store.record_outcome(Outcome("intent", OutcomeKind.CONFIRMED, {"after": "oath"}))
    ended = await store.find_change("card:1")

    assert begun is not None
    assert ended is not None
    assert (begun.method, begun.before, begun.outcome) == (DefaultMethod.OATH, {"before": "push"}, None)
    assert ended.outcome is OutcomeKind.CONFIRMED


async def test_an_intent_can_not_be_recorded_twice(store: Store) -> None:
    """The same button or message can't begin a second change."""
    await store.record_intent(INTENT)

    with pytest.raises(StoreUnavailable):
        await store.record_intent(replace(INTENT, id="another"))


async def test_an_outcome_needs_its_intent(store: Store) -> None:
    """There is no outcome of something that was never intended."""
    with pytest.raises(StoreUnavailable):
        await store.record_outcome(Outcome("nobody", OutcomeKind.CONFIRMED))


async def test_the_key_for_buttons_is_made_once(store: Store, url: str) -> None:
    """Every instance on a database, and every later start, has the same key."""
    first = await store.action_key()
    other = await Store.open(url)

    assert first == await other.action_key()
    assert len(first) == 32
    await other.close()


@pytest.mark.usefixtures("store")
async def test_the_migrations_make_what_the_code_expects(url: str) -> None:
    """After all migrations the database has the tables of ``schema.py``, column by column."""
    engine = create_engine(url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        assert _differences(connection) == []
    engine.dispose()


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def test_a_database_that_can_not_be_opened_has_a_name(tmp_path: Path) -> None:
    """Opening where there is no folder is ``StoreUnavailable``, without the driver's own error."""
    with pytest.raises(StoreUnavailable):
        await Store.open(f"sqlite+aiosqlite:///{tmp_path}/missing/test.db")


async def test_a_database_that_goes_away_has_a_name(store: Store, tmp_path: Path) -> None:
    """A read and a write on something that is no database any more are ``StoreUnavailable``."""
    await store.close()
    for path in tmp_path.glob("test.db*"):
        path.write_bytes(b"this is not a database, and it is longer than a header of one hundred bytes " * 4)

    with pytest.raises(StoreUnavailable):
        await store.ping()
    with pytest.raises(StoreUnavailable):
        await store.claim_once("key", timedelta(hours=1))
    await store.close()
