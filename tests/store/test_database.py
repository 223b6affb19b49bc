"""The connection: what can't be opened has a name, one instance on SQLite, many on PostgreSQL, honest readiness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from bot.errors import StoreInUse, StoreUnavailable
from bot.store import Limits, Store
from tests.database import execute, rows, sqlite_url
from tests.store.conftest import BEN, NO_LIMITS, change, intent


def is_sqlite(database_url: str) -> bool:
    """Of which kind a database is."""
    return database_url.startswith("sqlite")


# Opening


def missing_folder(path: Path) -> str:
    """Nothing can be made there."""
    return sqlite_url(path / "missing" / "mfabot.db")


def no_database(path: Path) -> str:
    """A file of another kind."""
    (path / "text.db").write_bytes(b"this is no database, and it is longer than a header of one hundred bytes " * 4)
    return sqlite_url(path / "text.db")


def read_only(path: Path) -> str:
    """A database that can only be read."""
    execute(sqlite_url(path / "old.db"), "CREATE TABLE something (id INTEGER)")
    return f"sqlite+aiosqlite:///file:{path}/old.db?mode=ro&uri=true"


def unclaimable(path: Path) -> str:
    """A file beside which nothing can be made, as when it alone is mounted into a container."""
    (path / "mfabot.db.instance").mkdir()
    return sqlite_url(path / "mfabot.db")


@pytest.mark.parametrize(
    "url",
    [
        missing_folder,
        sqlite_url,
        no_database,
        read_only,
        lambda path: f"sqlite+aiosqlite:///file:{path}/missing.db?mode=ro&uri=true",
        unclaimable,
        lambda path: "postgresql+asyncpg://postgres@127.0.0.1:1/postgres",
    ],
    ids=["missing folder", "folder", "other file", "read only", "missing and read only", "unclaimable", "no server"],
)
async def test_what_can_not_be_opened_has_a_name(tmp_path: Path, url: Callable[[Path], str]) -> None:
    """Whatever stands in the way, it is ``StoreUnavailable`` without the driver's own error, and nothing is left."""
    with pytest.raises(StoreUnavailable) as caught:
        await Store.open(url(tmp_path))
    assert StoreUnavailable is type(caught.value)


@pytest.mark.parametrize("change", [{"database": "mfabot_missing"}, {"username": "nobody"}])
async def test_a_postgresql_without_database_or_role_has_a_name(postgresql_url: str, change: dict[str, str]) -> None:
    """What the server refuses is ``StoreUnavailable``."""
    with pytest.raises(StoreUnavailable):
        await Store.open(make_url(postgresql_url).set(**change).render_as_string(hide_password=False))  # type: ignore[arg-type]


async def test_a_schema_of_a_newer_version_is_refused(store: Store, database_url: str) -> None:
    """An older bot does not touch what a newer one has made."""
    await store.close()
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreUnavailable, match="9999"):
        await Store.open(database_url)
    assert [{"version_num": "9999"}] == rows(database_url, "SELECT version_num FROM alembic_version")


async def test_sqlite_serves_one_instance(tmp_path: Path) -> None:
    """A second one is refused by name, by whichever spelling of the path, and may come when the first has gone."""
    url = sqlite_url(tmp_path / "mfabot.db")
    first = await Store.open(url)
    for spelling in (url, sqlite_url(tmp_path / ".." / tmp_path.name / "mfabot.db"),
                     f"sqlite+aiosqlite:///file:{tmp_path}/mfabot.db?uri=true"):  # fmt: skip
        with pytest.raises(StoreInUse):
            await Store.open(spelling)
    await change(first.audit, intent())
    await first.close()
    second = await Store.open(url)
    assert await second.audit.find_change("card:1")
    await second.close()


async def test_postgresql_serves_several_that_start_at_once(postgresql_url: str) -> None:
    """Five instances on an empty database: one makes the tables, all work, and all have one key."""
    stores = await asyncio.gather(*(Store.open(postgresql_url) for _ in range(5)))
    keys = await asyncio.gather(*(store.action_key() for store in stores))

    assert (1, 32) == (len(set(keys)), len(keys[0]))
    await change(stores[0].audit, intent())
    assert await stores[-1].audit.find_change("card:1")
    for store in stores:
        await store.close()


async def test_the_key_for_buttons_is_made_once(store: Store, other: Store, database_url: str) -> None:
    """Every instance, every later start and everybody who asks at once has the same key."""
    keys = await asyncio.gather(*(each.action_key() for each in (store, other) * 5))
    await store.close()
    reopened = await Store.open(database_url)
    keys.append(await reopened.action_key())
    await reopened.close()

    assert (1, 32) == (len(set(keys)), len(keys[0]))


# Looking at it


async def test_reading_works_beside_a_running_bot(store: Store, database_url: str) -> None:
    """Whoever looks at the records claims nothing and sees what is there."""
    await change(store.audit, intent())
    looking = Store.open_for_reading(database_url)

    assert await store.audit.heads() == await looking.audit.heads()
    assert [True] == [report.intact for report in await looking.audit.verify()]
    await looking.close()


async def test_reading_makes_no_tables(empty_database_url: str) -> None:
    """Whoever looks at an empty database gets ``StoreUnavailable`` and leaves it empty."""
    execute(empty_database_url, "CREATE TABLE something (id INTEGER)")
    looking = Store.open_for_reading(empty_database_url)

    with pytest.raises(StoreUnavailable):
        await looking.audit.heads()
    await looking.close()
    tables = "SELECT name FROM sqlite_master" if is_sqlite(empty_database_url) else (
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    )  # fmt: skip
    assert [{"name": "something"}] == rows(empty_database_url, tables)


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """A path with a typing error is no database, and does not become one by being looked at."""
    with pytest.raises(StoreUnavailable):
        Store.open_for_reading(sqlite_url(tmp_path / "typo.db"))
    assert [] == list(tmp_path.iterdir())


# Readiness


@asynccontextmanager
async def without_writes(database_url: str) -> AsyncIterator[None]:
    """Nothing can be written until the block ends: as on a full disk, or a server that has become a replica."""
    if is_sqlite(database_url):
        execute(database_url, *(f"ALTER TABLE {table} RENAME TO hidden_{table}" for table in ("audit", "write_probe")))
        yield
        execute(database_url, *(f"ALTER TABLE hidden_{table} RENAME TO {table}" for table in ("audit", "write_probe")))
        return
    name = make_url(database_url).database
    server = make_url(database_url).set(database="postgres").render_as_string(hide_password=False)
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
    execute(server, f"ALTER DATABASE {name} SET default_transaction_read_only = on", cut)
    yield
    execute(server, f"ALTER DATABASE {name} RESET default_transaction_read_only", cut)


async def test_it_is_not_ready_until_it_can_be_written_again(store: Store, database_url: str) -> None:
    """After a failed write the database is tried out at each ping, until a write has worked."""
    await store.ping()
    async with without_writes(database_url):
        with pytest.raises(StoreUnavailable):
            await store.audit.record_intent(intent(), Limits())
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await store.ping()
    await store.ping()
    await store.audit.record_intent(intent(), Limits())
    await store.ping()
    assert [] == rows(database_url, "SELECT id FROM write_probe")


async def test_a_transaction_that_writes_nothing_does_not_make_it_ready(store: Store, database_url: str) -> None:
    """Cleaning what is clean writes nothing, so it says nothing about a disk that is full."""
    async with without_writes(database_url):
        with pytest.raises(StoreUnavailable):
            await store.audit.record_intent(intent(), Limits())
        with suppress(StoreUnavailable):
            await store.clean()
        with pytest.raises(StoreUnavailable):
            await store.ping()


async def test_a_row_that_is_there_already_says_nothing_about_health(store: Store, database_url: str) -> None:
    """A conflict fails by name; the database is as ready as before, and a probe is not needed."""
    await store.audit.record_intent(intent(), NO_LIMITS)
    with pytest.raises(StoreUnavailable):
        await store.audit.record_intent(replace(intent("card:2", target=BEN), id="id card:1"), NO_LIMITS)
    async with without_writes(database_url):
        await store.ping()


async def test_a_server_that_has_cut_all_connections_is_found_again(postgresql_url: str) -> None:
    """A restart of the server costs nobody an error: connections that were cut are noticed before they are used."""
    store = await Store.open(postgresql_url)
    await asyncio.gather(*(store.ping() for _ in range(5)))
    async with without_writes(postgresql_url):
        pass
    await asyncio.gather(*(store.ping() for _ in range(5)))
    await change(store.audit, intent())
    await store.close()


async def test_a_file_that_goes_away_has_a_name(tmp_path: Path) -> None:
    """A read and a write on something that is no database any more are ``StoreUnavailable``."""
    store = await Store.open(sqlite_url(tmp_path / "mfabot.db"))
    await store.close()
    for path in tmp_path.glob("mfabot.db*"):
        path.write_bytes(b"this is not a database, and it is longer than a header of one hundred bytes " * 4)

    with pytest.raises(StoreUnavailable):
        await store.ping()
    with pytest.raises(StoreUnavailable):
        await store.clean()
    await store.close()


# A file that is not what it was


async def test_a_file_that_was_moved_away_takes_no_more_records(tmp_path: Path) -> None:
    """Nobody would find them: nothing is written, and it is not ready, until the file is back."""
    path = tmp_path / "mfabot.db"
    store = await Store.open(sqlite_url(path))
    path.rename(tmp_path / "moved.db")
    with pytest.raises(StoreUnavailable):
        await store.action_key()
    with pytest.raises(StoreUnavailable, match="moved or replaced"):
        await store.ping()

    (tmp_path / "moved.db").rename(path)
    await store.ping()
    await store.close()


async def test_a_file_with_two_names_is_refused(tmp_path: Path) -> None:
    """By the second name another instance would get around the claim, and SQLite could not protect the file."""
    store = await Store.open(sqlite_url(tmp_path / "mfabot.db"))
    await store.close()
    (tmp_path / "second.db").hardlink_to(tmp_path / "mfabot.db")

    with pytest.raises(StoreUnavailable, match="a second name"):
        await Store.open(sqlite_url(tmp_path / "second.db"))


async def test_a_file_is_its_owners(tmp_path: Path) -> None:
    """It holds the key of the buttons."""
    store = await Store.open(sqlite_url(tmp_path / "mfabot.db"))
    await store.action_key()

    assert {0o600} == {
        path.stat().st_mode & 0o777 for path in tmp_path.glob("mfabot.db*") if "instance" not in path.name
    }
    await store.close()
