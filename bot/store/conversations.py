"""Where people's chats with the bot are, so that it can write first: to say that it was interrupted, for instance."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from bot.mfa import Oid, TenantId
from bot.store.database import Database, insert_if_absent
from bot.store.records import ConversationAddress
from bot.store.schema import conversations

__all__ = ["Conversations"]

_KEPT = timedelta(days=365)
"""Teams gives no end to a conversation; who has not been seen for so long may have left."""

_FRESH = timedelta(days=1)
_REMEMBERED = 10_000


class Conversations:
    """One personal chat per person."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._noted: OrderedDict[tuple[TenantId, Oid], tuple[ConversationAddress, datetime]] = OrderedDict()

    async def note(self, address: ConversationAddress, *, anew: bool = False) -> None:
        """Keep where the person is. What was noted within a day is not written again, unless ``anew``."""
        now = self._clock()
        who = (address.tid, address.oid)
        noted, noted_at = self._noted.get(who, (None, now))
        if not anew and noted == address and now - noted_at < _FRESH:
            return
        row = {
            "tid": address.tid,
            "oid": address.oid,
            "conversation_id": address.conversation_id,
            "service_url": address.service_url,
            "user_id": address.user_id,
            "bot_id": address.bot_id,
            "locale": address.locale,
            "seen_at_utc": now,
        }
        theirs = (conversations.c.tid == address.tid, conversations.c.oid == address.oid)
        async with self._database.writing() as connection:
            if not await insert_if_absent(connection, conversations, row):
                await connection.execute(conversations.update().where(*theirs).values(row))
        self._noted[who] = (address, now)
        self._noted.move_to_end(who)
        while len(self._noted) > _REMEMBERED:
            self._noted.popitem(last=False)

    async def find(self, tid: TenantId, oid: Oid) -> ConversationAddress | None:
        """Where to write to a person, None if that is not known."""
        query = select(conversations).where(conversations.c.tid == tid, conversations.c.oid == oid)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return ConversationAddress(
            TenantId(row.tid), Oid(row.oid), row.conversation_id, row.service_url, row.user_id, row.bot_id, row.locale
        )

    async def forget(self, tid: TenantId, oid: Oid) -> None:
        """The person has removed the bot."""
        self._noted.pop((tid, oid), None)
        async with self._database.writing() as connection:
            await connection.execute(
                delete(conversations).where(conversations.c.tid == tid, conversations.c.oid == oid)
            )

    async def clean(self) -> int:
        """Forget whom nobody has seen for a year; the number of rows."""
        over = conversations.c.seen_at_utc <= self._clock() - _KEPT
        async with self._database.writing() as connection:
            return (await connection.execute(delete(conversations).where(over))).rowcount
