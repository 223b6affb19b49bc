"""The connection to SQLite or PostgreSQL. Every failure of the database becomes ``StoreUnavailable``."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import asyncpg
from alembic import command as alembic
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, NullPool, Table, delete, event, insert, make_url, text
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import StoreInUse, StoreUnavailable
from bot.store.schema import write_probe

__all__ = ["Database", "insert_if_absent"]

_MIGRATIONS = Path(__file__).parent / "migrations"
_SQLITE_BUSY_TIMEOUT_S = 3
_POOL_SIZE = 20
_ANSWER_S = 3
"""For a new connection, and for an answer: a turn has eight seconds in all."""
_QUEUE_S = 10
"""For one of the pool's connections: in a rush it is better to wait than to be turned away."""
_MIGRATION_S = 300
_PROBE_BYTES = 8192
"""More than a page of SQLite's, so that writing it shows a full disk."""

# The pool wraps most errors of a driver, but not those that arise while it connects.
_FAILURES = (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Database:
    """A pool of connections, transactions to read and to write, and the few things that differ between the two kinds.

    SQLite serves one instance of the bot; a second one is refused. PostgreSQL serves any number.
    """

    def __init__(self, url: URL, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(mfabot_writes=True)
        self._is_sqlite = url.get_backend_name() == "sqlite"
        # SQLite lets one write at a time and is unfair to those who wait; here they wait in their order.
        self._write_turn = asyncio.Lock()
        self._instance: sqlite3.Connection | None = None
        self._path = _path_of(url) if self._is_sqlite else None
        self._file_id: tuple[int, int] | None = None
        self._last_write_failed = False
        self._is_struggling = False

    @classmethod
    async def open(cls, database_url: str) -> Database:
        """The database at ``database_url``, with all migrations applied, ready for reading and writing.

        Raises:
            StoreUnavailable: no connection, nothing can be written, or a migration failed.
            StoreInUse: another instance of the bot uses this SQLite file.
        """
        url = make_url(database_url)
        database = cls(url, _engine(url))
        try:
            if database._is_sqlite:
                database._instance = await asyncio.to_thread(_claim_sqlite, url)
                database._file_id = _file_id(_path_of(url))
            async with _failing_clearly(explain=True):
                await _migrate(url)
            # A file that may only be read shows that no sooner than when something is written.
            await database._probe(explain=True)
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    def open_for_reading(cls, database_url: str) -> Database:
        """The database as it is, for looking at it while a bot may be running. It is neither made nor migrated.

        Raises:
            StoreUnavailable: there is no such file.
        """
        url = make_url(database_url)
        if url.get_backend_name() == "sqlite" and not _path_of(url).is_file():
            raise StoreUnavailable(f"there is no file {_path_of(url)}")
        return cls(url, _reading_engine(url))

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
        if self._instance is not None:
            self._instance.close()

    async def ping(self) -> None:
        """Return if the database answers, and takes writes again if it did not lately.

        Raises:
            StoreUnavailable: it does not.
        """
        # Whoever asks wants to know it now, and not once a database that hangs has answered.
        async with _failing_clearly(), asyncio.timeout(_ANSWER_S):
            self._check_file()
            async with self.reading() as connection:
                await connection.execute(text("SELECT 1"))
            if self._last_write_failed:
                await self._probe()
                self._last_write_failed = False

    def _check_file(self) -> None:
        """A file that was moved away would take records that nobody ever finds."""
        if self._path is not None and self._file_id is not None and _file_id(self._path) != self._file_id:
            raise StoreUnavailable(f"{self._path.name} was moved or replaced")

    async def _probe(self, *, explain: bool = False) -> None:
        """Write something and take it away again, since only that shows that there is room and permission."""
        row = {"id": str(uuid4()), "filler": "x" * _PROBE_BYTES}
        async with self.writing(explain=explain) as connection:
            await connection.execute(insert(write_probe), row)
            await connection.execute(delete(write_probe).where(write_probe.c.id == row["id"]))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read from.

        Raises:
            StoreUnavailable: the database did not answer as it should.
        """
        async with _failing_clearly(), self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, *, explain: bool = False) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of the block. With ``explain`` an error has the driver's own words.

        Raises:
            StoreUnavailable: it was not committed, or nobody can tell.
        """
        try:
            async with _failing_clearly(explain=explain), self._turn_to_write(), self._writer.begin() as connection:
                yield connection
        except StoreUnavailable as error:
            # A row that is there already says nothing about the database's health.
            if not isinstance(error.__cause__, IntegrityError):
                self._last_write_failed = self._is_struggling = True
            raise
        self._is_struggling = False

    @asynccontextmanager
    async def _turn_to_write(self) -> AsyncIterator[None]:
        if not self._is_sqlite:
            yield
            return
        self._check_file()
        # While another program holds the file, everybody who waits would wait for all before.
        async with asyncio.timeout(_ANSWER_S if self._is_struggling else _QUEUE_S):
            await self._write_turn.acquire()
        try:
            yield
        finally:
            self._write_turn.release()

    @asynccontextmanager
    async def writing_in_turn(self, name: str) -> AsyncIterator[AsyncConnection]:
        """The same, while nobody else who gives the same ``name`` is writing, in any instance.

        On SQLite every transaction that writes has that for itself (``BEGIN IMMEDIATE``).
        """
        async with self.writing() as connection:
            if not self._is_sqlite:
                await _lock(connection, name)
            yield connection


async def insert_if_absent(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    """True if ``row`` was inserted, False if there was one with the same key."""
    of_dialect = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
    inserted = await connection.execute(of_dialect(table).on_conflict_do_nothing(), row)
    return inserted.rowcount == 1


@asynccontextmanager
async def _failing_clearly(*, explain: bool = False) -> AsyncIterator[None]:
    """Only with ``explain`` the error has the driver's own words: they may quote what was to be written."""
    try:
        yield
    except _FAILURES as error:
        words = str(getattr(error, "orig", None) or error).partition("\n")[0] if explain else ""
        code = getattr(getattr(error, "orig", None), "sqlstate", None)
        raise StoreUnavailable(words, cause=type(error).__name__, code=code) from error


def _engine(url: URL, **options: Any) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        pool = {} if "poolclass" in options else {"pool_timeout": _QUEUE_S}
        engine = create_async_engine(url, **pool, **options)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    pool = {} if "poolclass" in options else {"pool_size": _POOL_SIZE, "max_overflow": 0, "pool_timeout": _QUEUE_S}
    # A connection that the server or the network has cut is noticed before it is used.
    return create_async_engine(url, pool_pre_ping=True, connect_args=_postgresql(_ANSWER_S), **pool, **options)


def _reading_engine(url: URL) -> AsyncEngine:
    """For somebody who looks at the database: nothing can be written, and a slow reader is waited for."""
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(url, poolclass=NullPool)
        event.listen(engine.sync_engine, "connect", _only_read_sqlite)
        return engine
    arguments = _postgresql(_MIGRATION_S)
    arguments["server_settings"] |= {"idle_in_transaction_session_timeout": "0", "default_transaction_read_only": "on"}
    return create_async_engine(url, poolclass=NullPool, connect_args=arguments)


def _postgresql(limit_s: int) -> dict[str, Any]:
    """Arguments for asyncpg. The server itself ends a transaction whose instance has frozen, so nobody waits for it."""
    limits = {"idle_in_transaction_session_timeout": f"{limit_s * 2}s", "lock_timeout": f"{limit_s}s"}
    return {
        "timeout": _ANSWER_S,
        "command_timeout": limit_s,
        "server_settings": {"application_name": "mfabot", "timezone": "UTC", **limits},
    }


async def _lock(connection: AsyncConnection, name: str) -> None:
    """Wait for the advisory lock ``name``, held to the end of the transaction.

    https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
    """
    number = int.from_bytes(hashlib.sha256(f"mfabot:{name}".encode()).digest()[:8], signed=True)
    await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


# SQLite


def _path_of(url: URL) -> Path:
    name = str(url.database)
    return Path(unquote(name.removeprefix("file:")) if name.startswith("file:") else name).resolve()


def _file_id(path: Path) -> tuple[int, int] | None:
    """What tells a file from another of the same name; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _claim_sqlite(url: URL) -> sqlite3.Connection:
    """Check that the file can be written, and claim it for this instance as long as the returned connection lives.

    The claim is an exclusive lock on a file beside it, which the system lifts when the process dies, however it dies.
    """
    arguments, options = url.get_dialect()().create_connect_args(url)
    path = _path_of(url)
    if url.query.get("mode") is None and path.parent.is_dir() and not path.exists():
        # It will hold the key of the buttons.
        path.touch(mode=0o600)
    try:
        # Where this fails, aiosqlite would leave a thread that outlives the loop.
        with closing(sqlite3.connect(str(arguments[0]), uri=bool(options.get("uri")), isolation_level=None)) as trial:
            trial.execute("BEGIN IMMEDIATE")
            trial.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error
    if path.stat().st_nlink > 1:
        # SQLite keeps what is not yet in the file beside it, under its name; a second name would not find it.
        raise StoreUnavailable(f"{path.name} has a second name (a hard link)")
    try:
        claim = sqlite3.connect(f"{path}.instance", timeout=0, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{error}: {path.name}.instance") from error
    try:
        claim.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        claim.close()
        raise StoreInUse(path.name) from error
    return claim


def _prepare_sqlite(connection: Any, _record: object) -> None:
    try:
        # The driver would begin transactions by itself, and too late; _begin_sqlite does it.
        connection.isolation_level = None
        cursor = connection.cursor()
        # WAL: readers and the one writer do not wait for each other (https://www.sqlite.org/wal.html). What is
        # committed must be on the disk before Graph is asked, hence FULL.
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={_SQLITE_BUSY_TIMEOUT_S * 1000}")
        cursor.close()
    except Exception:
        # The pool forgets a connection that fails here, and its thread would stay for ever.
        connection.close()
        raise


def _only_read_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that writes must say so at once: one that has read first can't wait for another writer.
    writes = connection.get_execution_options().get("mfabot_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


# Migrations


async def _migrate(url: URL) -> None:
    """Bring the schema up to date. Whoever starts at the same moment waits here, and then finds nothing to do."""
    if url.get_backend_name() == "sqlite":
        engine = _engine(url, poolclass=NullPool)
    else:
        engine = create_async_engine(url, poolclass=NullPool, connect_args=_postgresql(_MIGRATION_S))
    try:
        async with engine.execution_options(mfabot_writes=True).begin() as connection:
            if connection.dialect.name != "sqlite":
                await _lock(connection, "migrations")
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        alembic.upgrade(config, "head")
    except CommandError as error:
        raise StoreUnavailable(f"its schema is not one that this version knows: {error}") from error
