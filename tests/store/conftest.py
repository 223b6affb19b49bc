"""A store on either kind of database, a clock in the test's hand, and people who change something."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Dialect, make_url
from sqlalchemy.schema import CreateIndex, CreateTable

import bot.store
from bot.errors import NotBegun
from bot.mfa import DefaultMethod, Oid, Person, TenantId
from bot.store import AuditTrail, Intent, Limits, Outcome, OutcomeKind, SignIns, SignOuts, Store
from bot.store.records import FlatState
from bot.store.schema import metadata
from tests import database

CONTOSO, FABRIKAM = TenantId("contoso"), TenantId("fabrikam")
BEFORE: FlatState = {"userpreferredmethodforsecondaryauthentication": "push", "sms_registered": True}
AFTER: FlatState = {"userpreferredmethodforsecondaryauthentication": "oath", "sms_registered": True}
_MIGRATIONS = Path(bot.store.__file__).parent / "migrations" / "versions"
NO_LIMITS = Limits(10**6, 10**6, 10**6)


def person(name: str, tid: TenantId = CONTOSO) -> Person:
    """Somebody of a tenant."""
    return Person(Oid(f"oid-{name}"), tid, f"{name}@{tid}.example", name.title())


ADA, BEN, EVE = person("ada"), person("ben"), person("eve")


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The moment that it is."""
        return self.now


def intent(key: str = "card:1", actor: Person = ADA, target: Person | None = None) -> Intent:
    """``actor`` wants codes for ``target``, or for themselves."""
    return Intent(f"id {key}", actor, target or actor, DefaultMethod.OATH, "a:1", BEFORE, f"request {key}", key)


async def change(
    trail: AuditTrail, wish: Intent, kind: OutcomeKind = OutcomeKind.CONFIRMED, limits: Limits = NO_LIMITS
) -> None:
    """A change from its beginning to its end."""
    await trail.record_intent(wish, limits)
    await trail.record_outcome(Outcome(wish, kind, AFTER))


async def verdict(trail: AuditTrail, wish: Intent, limits: Limits = NO_LIMITS) -> type[NotBegun] | None:
    """Why the intent was not recorded; None if it was."""
    try:
        await trail.record_intent(wish, limits)
    except NotBegun as error:
        return type(error)
    return None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgresql() -> AsyncIterator[str]:
    """One database for all tests of the store: making one costs a quarter of a second, emptying it hardly anything."""
    async with database.postgresql_database() as url:
        yield url


_EMPTY = (
    # A test that failed may have left connections that hold locks.
    (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ),
    "DROP SCHEMA public CASCADE",
    "CREATE SCHEMA public",
)
_KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=_KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database in which there is nothing yet, of each kind in turn."""
    if request.param == "sqlite":
        return database.sqlite_url(tmp_path / "mfabot.db")
    url: str = request.getfixturevalue("postgresql")
    database.execute(url, *_EMPTY)
    return url


@pytest.fixture(params=_KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the tables of today and nothing in them, of each kind in turn.

    Made from what the migrations leave (``test_migrations`` shows that it is the same), since these take their time.
    """
    if request.param == "sqlite":
        path = tmp_path / "mfabot.db"
        shutil.copyfile(request.getfixturevalue("migrated"), path)
        return database.sqlite_url(path)
    url: str = request.getfixturevalue("postgresql")
    database.execute(url, *_EMPTY, *_TABLES)
    return url


def _tables() -> Iterator[str]:
    """What makes the tables on PostgreSQL, and says that no migration is missing."""
    postgresql: Dialect = make_url("postgresql+asyncpg://").get_dialect()()
    for table in metadata.sorted_tables:
        yield str(CreateTable(table).compile(dialect=postgresql))
        yield from (str(CreateIndex(index).compile(dialect=postgresql)) for index in table.indexes)
    newest = max(path.name[:4] for path in _MIGRATIONS.glob("[0-9]*.py"))
    yield "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"
    yield f"INSERT INTO alembic_version VALUES ('{newest}')"  # noqa: S608


_TABLES = tuple(_tables())


@pytest.fixture
def postgresql_url(postgresql: str) -> str:
    """The same for tests that are of PostgreSQL alone."""
    database.execute(postgresql, *_EMPTY)
    return postgresql


@pytest.fixture
def clock() -> Clock:
    """New Year 2026."""
    return Clock()


@pytest.fixture
async def store(database_url: str, clock: Clock) -> AsyncIterator[Store]:
    """An open store."""
    opened = await Store.open(database_url, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
async def other(store: Store, database_url: str, clock: Clock) -> AsyncIterator[Store]:
    """A second instance on the same database; on SQLite, which refuses one, other parts on the same connections."""
    if database_url.startswith("sqlite"):
        shared = store.database
        yield replace(
            store,
            audit=AuditTrail(shared, clock),
            sign_ins=SignIns(shared, clock),
            sign_outs=SignOuts(shared, clock),
        )
    else:
        opened = await Store.open(database_url, clock=clock)
        yield opened
        await opened.close()
