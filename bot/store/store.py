"""All that must outlive a turn, on one database."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from bot.store.action_ids import KEY_BYTES
from bot.store.audit import AuditTrail
from bot.store.conversations import Conversations
from bot.store.database import Database, insert_if_absent
from bot.store.inbox import Inbox
from bot.store.schema import server_keys
from bot.store.sign_ins import SignIns
from bot.store.sign_outs import SignOuts

__all__ = ["Store"]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Store:
    """The parts of the store. Close it when done."""

    database: Database
    audit: AuditTrail
    inbox: Inbox
    conversations: Conversations
    sign_ins: SignIns
    sign_outs: SignOuts

    @classmethod
    async def open(cls, database_url: str, *, clock: Callable[[], datetime] = _now) -> Store:
        """A store on ``database_url``, with all migrations applied.

        Raises:
            StoreUnavailable: as ``Database.open``.
        """
        return cls._on(await Database.open(database_url), clock)

    @classmethod
    def open_for_reading(cls, database_url: str) -> Store:
        """The same without migrations or claims, for looking at it while a bot is running."""
        return cls._on(Database.open_for_reading(database_url), _now)

    @classmethod
    def _on(cls, database: Database, clock: Callable[[], datetime]) -> Store:
        return cls(
            database,
            AuditTrail(database, clock),
            Inbox(database, clock),
            Conversations(database, clock),
            SignIns(database, clock),
            SignOuts(database, clock),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.database.close()

    async def ping(self) -> None:
        """See ``Database.ping``."""
        await self.database.ping()

    async def action_key(self) -> bytes:
        """The key that seals the buttons' ids: made once, the same for every instance on this database."""
        async with self.database.writing() as connection:
            await insert_if_absent(connection, server_keys, {"name": "actions", "key": secrets.token_bytes(KEY_BYTES)})
            found = await connection.execute(select(server_keys.c.key).where(server_keys.c.name == "actions"))
            return bytes(found.scalar_one())

    async def clean(self) -> int:
        """Remove what has expired; the number of rows."""
        forgotten = await self.inbox.clean() + await self.conversations.clean()
        return forgotten + await self.sign_ins.clean() + await self.sign_outs.clean()
