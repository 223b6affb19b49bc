"""The store: SQLAlchemy (async) over SQLite. Every failure of the database becomes ``StoreUnavailable``."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alembic import command as alembic
from alembic.config import Config
from sqlalchemy import Connection, Row, Table, event, insert, make_url, select, text, update
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import StoreUnavailable
from bot.mfa import DefaultMethod, Oid, Person, TenantId
from bot.store.action_ids import KEY_BYTES
from bot.store.records import Change, Intent, Outcome, OutcomeKind, PendingCommand
from bot.store.schema import intents, once, outcomes, pending_commands, server_keys, spent_actions

__all__ = ["PENDING_LIFETIME", "Store"]

PENDING_LIFETIME = timedelta(minutes=10)
_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_MS = 3000


def _now() -> datetime:
    return datetime.now(UTC)


class Store:
    """All that must outlive a turn. Close it when done."""

    def __init__(self, engine: AsyncEngine, *, clock: Callable[[], datetime] = _now) -> None:
        self._engine = engine
        self._clock = clock
        # SQLite lets one write at a time and is unfair to those who wait; here they wait in their order.
        self._write_turn = asyncio.Lock()

    @classmethod
    async def open(cls, database_url: str, *, clock: Callable[[], datetime] = _now) -> Store:
        """A store on ``database_url``, with all migrations applied.

        Raises:
            StoreUnavailable: no connection, or a migration failed.
        """
        await asyncio.to_thread(_try_sqlite, make_url(database_url).database or "")
        engine = create_async_engine(database_url, pool_pre_ping=True)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        store = cls(engine, clock=clock)
        try:
            async with store._writing() as connection:
                # Whoever starts at the same moment waits here, and then finds the tables made.
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
                await connection.run_sync(_migrate)
        except BaseException:
            await engine.dispose()
            raise
        return store

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def ping(self) -> None:
        """Return if the database answers.

        Raises:
            StoreUnavailable: it does not.
        """
        async with self._reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def action_key(self) -> bytes:
        """The key that seals the buttons' ids: made once, the same for every instance on this database."""
        await self._insert_if_absent(server_keys, {"name": "actions", "key": secrets.token_bytes(KEY_BYTES)})
        async with self._reading() as connection:
            found = await connection.execute(select(server_keys.c.key).where(server_keys.c.name == "actions"))
            return bytes(found.scalar_one())

    async def claim_once(self, key: str, lifetime: timedelta) -> bool:
        """True for the first who claims ``key``, False for all others."""
        return await self._insert_if_absent(once, {"key": key, "expires_at_utc": self._clock() + lifetime})

    async def spend_action(self, card_id: str, actor: Person, target: Oid, method: DefaultMethod) -> bool:
        """True for the first press on a card; from then on the card is spent."""
        row = {
            "id": card_id,
            "tid": actor.tid,
            "actor_oid": actor.oid,
            "target_oid": target,
            "method": method.value,
            "spent_at_utc": self._clock(),
        }
        return await self._insert_if_absent(spent_actions, row)

    async def record_intent(self, intent: Intent) -> None:
        """Commit the intent. Only after this returns may Graph be asked to change anything."""
        row = {
            "id": intent.id,
            "at_utc": self._clock(),
            "tid": intent.actor.tid,
            "actor_oid": intent.actor.oid,
            "actor_upn": intent.actor.upn,
            "actor_name": intent.actor.display_name,
            "target_oid": intent.target_oid,
            "method": intent.method.value,
            "conversation_id": intent.conversation_id,
            "before": dict(intent.before),
            "client_request_id": intent.client_request_id,
            "key": intent.key,
        }
        async with self._writing() as connection:
            await connection.execute(insert(intents), row)

    async def record_outcome(self, outcome: Outcome) -> None:
        """Commit how an intent ended."""
        row = {
            "intent_id": outcome.intent_id,
            "at_utc": self._clock(),
            "kind": outcome.kind.value,
            "after": dict(outcome.after) if outcome.after is not None else None,
            "graph_request_id": outcome.graph_request_id,
            "error": outcome.error,
        }
        async with self._writing() as connection:
            await connection.execute(insert(outcomes), row)

    async def find_change(self, key: str) -> Change | None:
        """What was done under ``key``, None if nothing was begun."""
        query = (
            select(intents.c.method, intents.c.before, intents.c.at_utc, outcomes.c.kind, outcomes.c.error)
            .join_from(intents, outcomes, isouter=True)
            .where(intents.c.key == key)
        )
        async with self._reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return Change(
            method=DefaultMethod(row.method),
            before=row.before,
            # SQLite keeps no zone; everything that is stored is UTC.
            at_utc=row.at_utc.replace(tzinfo=UTC),
            outcome=OutcomeKind(row.kind) if row.kind else None,
            error=row.error,
        )

    async def remember_pending(self, pending: PendingCommand) -> None:
        """Keep a command until its person has signed in, ten minutes at most."""
        row = {
            "id": pending.id,
            "tid": pending.tid,
            "oid": pending.oid,
            "command": dict(pending.command),
            "conversation_id": pending.conversation_id,
            "message_key": pending.message_key,
            "attempts": pending.attempts,
            "card_activity_id": pending.card_activity_id,
            "expires_at_utc": self._clock() + PENDING_LIFETIME,
        }
        async with self._writing() as connection:
            await connection.execute(insert(pending_commands), row)

    async def claim_pending(
        self, person: Person, conversation_id: str, pending_id: str | None = None
    ) -> list[PendingCommand]:
        """The commands that wait for ``person``'s sign-in in a conversation, in the order in which they were said.

        All of them, or only the one of ``pending_id``. Each is given once: to the first who asks, and to nobody after.
        """
        table = pending_commands
        claim = (
            update(table)
            .where(
                table.c.tid == person.tid,
                table.c.oid == person.oid,
                table.c.conversation_id == conversation_id,
                table.c.claimed_at_utc.is_(None),
                table.c.expires_at_utc > self._clock(),
                *([table.c.id == pending_id] if pending_id is not None else []),
            )
            .values(claimed_at_utc=self._clock())
            .returning(table)
        )
        async with self._writing() as connection:
            rows = (await connection.execute(claim)).all()
        # All live equally long, so their ends are in the order of their beginnings.
        return [_pending(row) for row in sorted(rows, key=lambda row: row.expires_at_utc)]

    async def _insert_if_absent(self, table: Table, row: Mapping[str, Any]) -> bool:
        async with self._writing() as connection:
            inserted = await connection.execute(insert_sqlite(table).on_conflict_do_nothing(), row)
        return inserted.rowcount == 1

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._write_turn, self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(cause=type(error).__name__) from error

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(cause=type(error).__name__) from error


def _pending(row: Row[Any]) -> PendingCommand:
    return PendingCommand(
        id=row.id,
        tid=TenantId(row.tid),
        oid=Oid(row.oid),
        command=row.command,
        conversation_id=row.conversation_id,
        message_key=row.message_key,
        attempts=row.attempts,
        card_activity_id=row.card_activity_id,
    )


def _try_sqlite(path: str) -> None:
    """Open and close the file once. Where that fails, aiosqlite would leave a thread that outlives the loop."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version")
    except sqlite3.Error as error:
        raise StoreUnavailable(cause=str(error)) from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    try:
        cursor = connection.cursor()
        # WAL: readers and the one writer do not wait for each other (https://www.sqlite.org/wal.html).
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
    except Exception:
        # The pool forgets a connection that fails here, and its thread would stay for ever.
        connection.close()
        raise


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    alembic.upgrade(config, "head")
