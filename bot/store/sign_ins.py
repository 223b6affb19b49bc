"""Sign-in pages that were opened, and the authorization codes that came back and wait to be redeemed.

A code is kept until somebody redeems it, five minutes at most, and given out once. It is worth nothing without the
bot's own credential and the verifier that was made with it (PKCE, RFC 7636).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, select, update

from bot.errors import WrongPerson
from bot.mfa import Oid, Person, TenantId
from bot.store.database import Database, insert_if_absent
from bot.store.records import PendingCommand, WaitingCode
from bot.store.schema import commands, sign_ins

__all__ = ["SignIns"]

_PAGE_LIFETIME = timedelta(minutes=10)
_CODE_LIFETIME = timedelta(minutes=5)

_Who = tuple[TenantId, Oid]


class SignIns:
    """One page for each command that waits for a sign-in, however often it is opened."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        # Whose code may be waiting: so that not every turn has to ask the database.
        self._with_code: set[_Who] = set()

    async def open(self, pending: PendingCommand, flow: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The flow with which ``pending``'s page is to be opened: ``flow``, or that of the first time.

        The command then waits as long as the page may be used, ten minutes from the first time: else whoever looks at
        the address would keep it waiting. None if the page has brought its code already.
        """
        until = self._clock() + _PAGE_LIFETIME
        row: dict[str, Any] = {
            "state": flow["state"],
            "command_id": pending.id,
            "tid": pending.tid,
            "oid": pending.oid,
            "flow": dict(flow),
            "until_utc": until,
        }
        is_its = sign_ins.c.command_id == pending.id
        async with self._database.writing() as connection:
            await connection.execute(delete(sign_ins).where(is_its, self._is_over()))
            if not await insert_if_absent(connection, sign_ins, row):
                known = (await connection.execute(select(sign_ins).where(is_its))).one()
                opened: Mapping[str, Any] = known.flow
                return opened if known.code is None else None
            # Not one that a silent sign-in has taken meanwhile: then the time means something else.
            waits = (commands.c.id == pending.id, commands.c.state == "waiting")
            await connection.execute(update(commands).where(*waits).values(until_utc=until))
        return flow

    async def is_open(self, state: str) -> bool:
        """True if Entra may still send back a code for ``state``."""
        async with self._database.reading() as connection:
            return (await connection.execute(select(sign_ins.c.state).where(self._is_open(state)))).first() is not None

    async def keep_code(self, state: str, code: str) -> str | None:
        """Keep what Entra has sent back; the handle for the page to pass on. None if the page is unknown or used."""
        handle = secrets.token_urlsafe(32)
        until = self._clock() + _CODE_LIFETIME
        kept = {"code": code, "handle": handle, "until_utc": until}
        async with self._database.writing() as connection:
            unused = update(sign_ins).where(self._is_open(state))
            updated = await connection.execute(unused.values(kept).returning(sign_ins))
            row = updated.one_or_none()
            if row is None:
                return None
            longer = (commands.c.id == row.command_id, commands.c.state == "waiting", commands.c.until_utc < until)
            await connection.execute(update(commands).where(*longer).values(until_utc=until))
        self._with_code.add(_who(row))
        return handle

    async def take(self, person: Person, handle: str | None = None) -> WaitingCode | None:
        """The code of ``handle``, or the newest of ``person``; nobody gets it a second time. None if there is none.

        Raises:
            WrongPerson: the handle is somebody else's; the code stays for them.
        """
        waits = (sign_ins.c.code.is_not(None), sign_ins.c.until_utc > self._clock())
        which = _is_of(person) if handle is None else (sign_ins.c.handle == handle,)
        query = select(sign_ins).where(*waits, *which).order_by(sign_ins.c.until_utc.desc()).limit(1)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            # Mostly so: nothing was written for it.
            if handle is None:
                self._with_code.discard((person.tid, person.oid))
            return None
        if _who(row) != (person.tid, person.oid):
            raise WrongPerson("a sign-in that somebody else has begun", sender=person.oid)
        async with self._database.writing() as connection:
            taken = await connection.execute(delete(sign_ins).where(sign_ins.c.state == row.state))
        self._with_code.discard((person.tid, person.oid))
        return WaitingCode(row.state, row.command_id, row.flow, row.code, row.until_utc) if taken.rowcount else None

    async def put_back(self, person: Person, waiting: WaitingCode) -> None:
        """Entra could not be asked: the code may be redeemed a moment later, within its five minutes.

        Not if the page was opened again meanwhile: what comes back from that is newer.
        """
        row = {
            "state": waiting.state,
            "command_id": waiting.command_id,
            "tid": person.tid,
            "oid": person.oid,
            "flow": dict(waiting.flow),
            "code": waiting.code,
            "until_utc": waiting.until_utc,
        }
        async with self._database.writing() as connection:
            waits_again = await insert_if_absent(connection, sign_ins, row)
        if waits_again:
            self._with_code.add((person.tid, person.oid))

    def may_have_code(self, person: Person) -> bool:
        """False if this instance knows of no code for ``person``; another may have got one within seconds."""
        return (person.tid, person.oid) in self._with_code

    async def look_for_codes(self) -> None:
        """Learn whose code is waiting, also of those that other instances have got."""
        waits = (sign_ins.c.code.is_not(None), sign_ins.c.until_utc > self._clock())
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(sign_ins.c.tid, sign_ins.c.oid).where(*waits))).all()
        self._with_code = {_who(row) for row in rows}

    async def drop(self, person: Person) -> None:
        """Forget ``person``'s pages and codes."""
        async with self._database.writing() as connection:
            await connection.execute(delete(sign_ins).where(*_is_of(person)))
        self._with_code.discard((person.tid, person.oid))

    async def clean(self) -> int:
        """Forget what is over; the number of rows."""
        async with self._database.writing() as connection:
            return (await connection.execute(delete(sign_ins).where(self._is_over()))).rowcount

    def _is_open(self, state: str) -> ColumnElement[bool]:
        return and_(sign_ins.c.state == state, sign_ins.c.code.is_(None), sign_ins.c.until_utc > self._clock())

    def _is_over(self) -> ColumnElement[bool]:
        return sign_ins.c.until_utc <= self._clock()


def _is_of(person: Person) -> tuple[ColumnElement[bool], ...]:
    return (sign_ins.c.tid == person.tid, sign_ins.c.oid == person.oid)


def _who(row: Row[*tuple[Any, ...]]) -> _Who:
    return TenantId(row.tid), Oid(row.oid)
