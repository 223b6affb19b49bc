"""Commands that are not finished: those that wait for a sign-in, and those that somebody is at work on.

A command that changes something is put here as soon as it arrives, under the key of its message. That makes a message
that is delivered again do nothing, in whichever instance it arrives, and a command whose instance dies is found by the
others, so that its person can be told.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, and_, delete, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.mfa import Oid, Person, TenantId
from bot.store.database import Database, insert_if_absent
from bot.store.records import PendingCommand
from bot.store.schema import commands

__all__ = ["LEASE", "SIGN_IN_LIFETIME", "Inbox"]

SIGN_IN_LIFETIME = timedelta(minutes=10)
"""How long a command waits for a sign-in."""

LEASE = timedelta(minutes=2)
"""How long an instance may be silent about a command that it works on before it counts as dead."""

_REDELIVERY = timedelta(hours=24)


class _State(StrEnum):
    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"


class Inbox:
    """Each command is carried out by the first instance that takes it, and by no other."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, command: PendingCommand) -> bool:
        """True for the first who begins the command of this message; False if it was begun before."""
        async with self._database.writing() as connection:
            return await insert_if_absent(connection, commands, self._row(command, _State.WORKING, LEASE))

    async def await_sign_in(self, command: PendingCommand) -> None:
        """Keep a command, begun or not, until its person has signed in; ten minutes at most."""
        row = self._row(command, _State.WAITING, SIGN_IN_LIFETIME)
        async with self._database.writing() as connection:
            if await insert_if_absent(connection, commands, row):
                return
            again = {name: row[name] for name in ("id", "attempts", "card_activity_id", "state", "until_utc")}
            changed = await connection.execute(
                update(commands).where(commands.c.message_key == command.message_key).values(again)
            )
            assert changed.rowcount == 1

    async def claim(
        self, person: Person, conversation_id: str, exchange_id: str | None = None, *, claim_id: str = ""
    ) -> list[PendingCommand]:
        """What waits for ``person``'s sign-in in a conversation, in the order in which it was said.

        All of it, or only what waits for the exchange ``exchange_id``. Each command is given once: to the first who
        asks, who then works on it. Asked again under the same ``claim_id``, as the answer was lost, it is given again.
        """
        claim_id = claim_id or str(uuid4())
        waits = and_(commands.c.state == _State.WAITING, commands.c.until_utc > self._clock())
        wanted = [
            commands.c.tid == person.tid,
            commands.c.oid == person.oid,
            commands.c.conversation_id == conversation_id,
            or_(waits, and_(commands.c.state == _State.WORKING, commands.c.claim == claim_id)),
        ]
        if exchange_id is not None:
            wanted.append(commands.c.id == exchange_id)
        taken = {"state": _State.WORKING, "until_utc": self._clock() + LEASE, "claim": claim_id}
        async with self._database.writing() as connection:
            rows = (await connection.execute(update(commands).where(*wanted).values(taken).returning(commands))).all()
        return [_pending(row) for row in sorted(rows, key=lambda row: row.said_at_utc)]

    async def renew(self, message_key: str) -> bool:
        """True if the command is still ours to work on; False if this instance was taken for dead meanwhile."""
        still_ours = (commands.c.message_key == message_key, commands.c.state == _State.WORKING)
        async with self._database.writing() as connection:
            renewed = await connection.execute(
                update(commands).where(*still_ours).values(until_utc=self._clock() + LEASE)
            )
        return bool(renewed.rowcount)

    async def finish(self, message_key: str) -> None:
        """The command has its answer. That it was there is remembered for a day."""
        async with self._database.writing() as connection:
            await self._finish(connection, commands.c.message_key == message_key, commands.c.state != _State.DONE)

    async def take_interrupted(self) -> list[PendingCommand]:
        """The commands whose instance has died; each is given once, and is finished by that."""
        async with self._database.writing() as connection:
            over = commands.c.until_utc <= self._clock()
            rows = await self._finish(connection, over, commands.c.state == _State.WORKING)
        return [_pending(row) for row in rows]

    async def clean(self) -> int:
        """Forget what nobody will ask for any more; the number of rows.

        A command whose sign-in never came is over, but its message may still be delivered again.
        """
        over = commands.c.until_utc <= self._clock()
        async with self._database.writing() as connection:
            forgotten = await connection.execute(delete(commands).where(over, commands.c.state == _State.DONE))
            await self._finish(connection, over, commands.c.state == _State.WAITING)
            return forgotten.rowcount

    async def _finish(self, connection: AsyncConnection, *which: ColumnElement[bool]) -> list[Row[Any]]:
        done = {"state": _State.DONE, "until_utc": self._clock() + _REDELIVERY}
        finished = await connection.execute(update(commands).where(*which).values(done).returning(commands))
        return list(finished.all())

    def _row(self, command: PendingCommand, state: _State, lifetime: timedelta) -> dict[str, Any]:
        now = self._clock()
        return {
            "id": command.id,
            "message_key": command.message_key,
            "tid": command.tid,
            "oid": command.oid,
            "command": dict(command.command),
            "conversation_id": command.conversation_id,
            "attempts": command.attempts,
            "card_activity_id": command.card_activity_id,
            "state": state,
            "said_at_utc": now,
            "until_utc": now + lifetime,
        }


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
