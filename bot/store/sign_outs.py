"""Who has signed out, so that every instance forgets their tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from bot.mfa import Oid, Person, TenantId
from bot.store.database import Database, insert_if_absent
from bot.store.schema import sign_outs

__all__ = ["SignOuts"]

_KEPT = timedelta(days=1)
"""Much longer than any token lives in memory, and than a database is away."""


class SignOuts:
    """The last sign-out of each person, as this instance has come to know it."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[tuple[TenantId, Oid], datetime] = {}

    async def note(self, person: Person) -> None:
        """Tell the other instances that ``person`` has signed out."""
        now = self._clock()
        row = {"tid": person.tid, "oid": person.oid, "at_utc": now}
        theirs = (sign_outs.c.tid == person.tid, sign_outs.c.oid == person.oid)
        async with self._database.writing() as connection:
            if not await insert_if_absent(connection, sign_outs, row):
                await connection.execute(sign_outs.update().where(*theirs).values(row))
        self._known[person.tid, person.oid] = now

    async def news(self) -> list[tuple[TenantId, Oid]]:
        """Who has signed out in any instance since the last time that this one asked.

        By what is new to this instance, not by time: the clocks of two of them need not agree.
        """
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(sign_outs))).all()
        now = {(TenantId(row.tid), Oid(row.oid)): row.at_utc for row in rows}
        before, self._known = self._known, now
        return [who for who, at_utc in now.items() if before.get(who) != at_utc]

    async def clean(self) -> int:
        """Forget what is over; the number of rows."""
        over = sign_outs.c.at_utc <= self._clock() - _KEPT
        async with self._database.writing() as connection:
            return (await connection.execute(delete(sign_outs).where(over))).rowcount
