"""Commands that are not finished: those that wait for a sign-in, and those that somebody is at work on.

A command that changes something is put here as soon as it arrives, under the key of its message. That makes a message
that is delivered again do nothing, in whichever instance it arrives, and a command whose instance dies is found by the
others, so that its person can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, and_, delete, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.mfa import Oid, Person, TenantId
from bot.store.database import Database, insert_if_absent
from bot.store.records import PendingCommand, SignInDemand
from bot.store.schema import commands, sign_ins

__all__ = ["LEASE", "SIGN_IN_LIFETIME", "Inbox", "Waiting"]

SIGN_IN_LIFETIME = timedelta(minutes=10)
"""How long a command waits for a sign-in."""

LEASE = timedelta(minutes=2)
"""How long an instance may be silent about a command that it works on before it counts as dead."""

_REDELIVERY = timedelta(hours=24)
_ONE_CARD = timedelta(seconds=10)
"""A press that several clients deliver, or one of them twice, shall not bring as many sign-in cards."""

_ASKED_AGAIN = (
    "id", "attempts", "card_activity_id", "by_page", "claims", "fresh", "login_hint", "retried", "state", "until_utc",
)  # fmt: skip


class _State(StrEnum):
    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Which of the commands that wait for a person's sign-in are meant.

    What waits for the page is not for a silent sign-in, which has proved too little for it; unless it is the very
    command whose sign-in card was answered.
    """

    exchange_id: str | None = None
    """The sign-in card that was answered."""
    only_this: bool = False
    """True for the command of that card alone."""
    by_page_too: bool = False
    """True for all: the person has signed in by the page."""


class Inbox:
    """Each command is carried out by the first instance that takes it, and by no other."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, command: PendingCommand) -> bool:
        """True for the first who begins the command of this message; False if it was begun before."""
        async with self._database.writing() as connection:
            return await insert_if_absent(connection, commands, self._row(command, _State.WORKING, LEASE))

    async def await_sign_in(self, command: PendingCommand) -> PendingCommand | None:
        """Keep a command, begun or not, until its person has signed in; ten minutes at most.

        Returns:
            The command as it waits now, for the sign-in card; None if a card for it was sent a moment ago, or if it was
            finished since it was said. One that
            waits for the page already goes on doing so under its id: a silent sign-in was too little for it, and none
            of its cards becomes void.
        """
        row = self._row(command, _State.WAITING, SIGN_IN_LIFETIME)
        same = commands.c.message_key == command.message_key
        async with self._database.writing() as connection:
            if await insert_if_absent(connection, commands, row):
                return command
            known = (await connection.execute(select(commands).where(same))).one()
            again = {name: row[name] for name in _ASKED_AGAIN}
            if known.state == _State.DONE:
                if row["said_at_utc"] <= known.said_at_utc:
                    return None
                # A button that is pressed anew: what was said between the two presses is older now.
                again["said_at_utc"] = row["said_at_utc"]
            stays = known.state == _State.WAITING and known.until_utc > self._clock() and known.by_page
            sent_just_now = stays and row["until_utc"] - known.until_utc < _ONE_CARD
            if stays:
                kept = {name: getattr(known, name) for name in _ASKED_AGAIN}
                until = known.until_utc if sent_just_now else row["until_utc"]
                again = {**kept, "claims": row["claims"] or known.claims, "until_utc": until}
            changed = update(commands).where(same).values(again).returning(commands)
            waits = (await connection.execute(changed)).one()
        return None if sent_just_now else _pending(waits)

    async def find_waiting(self, command_id: str) -> PendingCommand | None:
        """The command that waits for a sign-in under ``command_id``; None if none does (any more)."""
        waits = (commands.c.id == command_id, self._is_waiting())
        async with self._database.reading() as connection:
            row = (await connection.execute(select(commands).where(*waits))).one_or_none()
        return _pending(row) if row else None

    async def find_older(self, person: Person, said_before: datetime) -> list[PendingCommand]:
        """What ``person`` has said before that moment, in whichever conversation, and still waits for a sign-in."""
        theirs = (commands.c.tid == person.tid, commands.c.oid == person.oid)
        older = (commands.c.said_at_utc < said_before, self._is_waiting())
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(commands).where(*theirs, *older))).all()
        return [_pending(row) for row in rows]

    async def drop(self, command_ids: Iterable[str]) -> None:
        """These shall not be carried out any more, if they still wait; nor shall their pages take anybody's code."""
        ids = list(command_ids)
        async with self._database.writing() as connection:
            await self._finish(connection, commands.c.id.in_(ids), commands.c.state == _State.WAITING)
            await connection.execute(delete(sign_ins).where(sign_ins.c.command_id.in_(ids), sign_ins.c.code.is_(None)))

    async def demand_more(self, command_id: str, person: Person, claims: str | None, login_hint: str) -> None:
        """What Teams gives silently is not enough for a waiting command: the page has to ask for ``claims``."""
        theirs = (commands.c.tid == person.tid, commands.c.oid == person.oid)
        demanded = {"claims": claims, "login_hint": login_hint}
        async with self._database.writing() as connection:
            await connection.execute(
                update(commands).where(commands.c.id == command_id, *theirs, self._is_waiting()).values(demanded)
            )

    async def note_failure(self, person: Person, conversation_id: str) -> bool:
        """True if a command waits for the page, and it was not noted before that Teams has failed meanwhile."""
        theirs = (commands.c.tid == person.tid, commands.c.oid == person.oid)
        waits = (commands.c.conversation_id == conversation_id, self._is_waiting(), commands.c.by_page)
        new = update(commands).where(*theirs, *waits, not_(commands.c.retried))
        async with self._database.writing() as connection:
            return bool((await connection.execute(new.values(retried=True))).rowcount)

    async def drop_all(self, person: Person) -> None:
        """What waits for ``person``'s sign-in, or for its turn, shall not be carried out any more."""
        async with self._database.writing() as connection:
            await self._finish(
                connection,
                commands.c.tid == person.tid,
                commands.c.oid == person.oid,
                commands.c.state != _State.DONE,
            )

    async def claim(
        self, person: Person, conversation_id: str, what: Waiting, *, claim_id: str = ""
    ) -> list[PendingCommand]:
        """What waits for ``person``'s sign-in in a conversation, in the order in which it was said.

        Each command is given once: to the first who asks, who then works on it. Asked again under the same
        ``claim_id``, as the answer was lost, it is given again.
        """
        claim_id = claim_id or str(uuid4())
        wanted = [
            commands.c.tid == person.tid,
            commands.c.oid == person.oid,
            commands.c.conversation_id == conversation_id,
            or_(self._is_waiting(), and_(commands.c.state == _State.WORKING, commands.c.claim == claim_id)),
        ]
        if what.exchange_id is not None:
            own = commands.c.id == what.exchange_id
            wanted.append(own if what.only_this else or_(own, not_(commands.c.by_page)))
        elif not what.by_page_too:
            wanted.append(not_(commands.c.by_page))
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

    def _is_waiting(self) -> ColumnElement[bool]:
        return and_(commands.c.state == _State.WAITING, commands.c.until_utc > self._clock())

    async def _finish(self, connection: AsyncConnection, *which: ColumnElement[bool]) -> list[Row[Any]]:
        # Only that it was there has to be remembered, not who signed in for it and how.
        done = {"state": _State.DONE, "until_utc": self._clock() + _REDELIVERY, "claims": None, "login_hint": ""}
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
            "language": command.language,
            **asdict(command.demand),
            "state": state,
            "said_at_utc": command.said_at_utc or now,
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
        language=row.language,
        demand=SignInDemand(row.by_page, row.claims, row.fresh, row.login_hint, row.retried),
        said_at_utc=row.said_at_utc,
    )
