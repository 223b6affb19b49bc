"""The audit trail: who changed whose default, when, from what to what, and what came of it. Rows are only ever added.

Intent and outcome are rows of their own, in one chain per tenant (``chain.py``). The trail is also what decides:
whether a wish was carried out before, whether another change for the same person is under way, and whether there were
too many within the hour. All that is read in the transaction that adds the intent, and such transactions take turns
over all instances, so it holds however many instances try at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Exists,
    Row,
    ScalarSelect,
    Select,
    String,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import AlreadyBegun, ChangeUnderWay, TooManyChanges
from bot.mfa import DefaultMethod, Oid, Person, TenantId
from bot.store.chain import GENESIS, PRUNING, ChainCheck, ChainReport, row_hash
from bot.store.database import Database
from bot.store.records import Change, Head, Intent, Limits, Outcome, OutcomeKind, Past
from bot.store.schema import audit
from bot.telemetry import get_logger

__all__ = ["RESUMED", "UNDER_WAY", "AuditTrail"]

RESUMED = "resumed-"
"""How the key of an intent begins whose wish goes on after a sign-in."""

UNDER_WAY = timedelta(minutes=1)
"""A change without an outcome is being carried out for so long; after that whoever did it has died."""

_log = get_logger(__name__)

_WINDOW = timedelta(hours=1)
_BATCH = 1000
_PRUNED_AT_ONCE = 10_000
_INTENT, _OUTCOME, _LATE = "intent", "outcome", "late outcome"

_LENGTHS = {column.name: column.type.length for column in audit.columns if isinstance(column.type, String)}

_outcomes = audit.alias("outcomes")
_late = audit.alias("late")


class AuditTrail:
    """The trails of all tenants in one database."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._swept_through: dict[str, int] = {}

    # Changes

    async def record_intent(self, intent: Intent, limits: Limits) -> None:
        """Commit the intent. Only after this returns may Graph be asked to change anything.

        Raises:
            AlreadyBegun: there is an intent of the same key.
            ChangeUnderWay: another intent for the same target has no outcome yet, or came after ``intent.follows``.
            TooManyChanges: the limit is reached.
            StoreUnavailable: it was not recorded, or nobody can tell.
        """
        now = self._clock()
        row = {
            "kind": _INTENT,
            "at_utc": now,
            "intent_id": intent.id,
            "key": intent.key,
            "actor_oid": intent.actor.oid,
            "actor_upn": intent.actor.upn,
            "actor_name": intent.actor.display_name,
            "target_oid": intent.target.oid,
            "target_upn": intent.target.upn,
            "target_name": intent.target.display_name,
            "command": _command_of(intent),
            "conversation_id": intent.conversation_id,
            "before": dict(intent.before),
            "client_request_id": intent.client_request_id,
            "reason": intent.reason,
        }
        async with self._database.writing_in_turn(_turn_of(intent.actor.tid)) as connection:
            bounds = _bounds(intent, limits)
            is_begun, is_under_way, newest, *nth_last = (await connection.execute(_standing(intent, bounds, now))).one()
            if is_begun:
                raise AlreadyBegun
            if is_under_way or intent.follows not in {None, newest or ""}:
                raise ChangeUnderWay
            reached = [(at, limit) for at, (limit, _) in zip(nth_last, bounds, strict=True) if at is not None]
            if reached:
                # Where there are two, the one that frees last is the one to wait for.
                begun_at, limit = max(reached)
                raise TooManyChanges(limit=limit, wait_s=(begun_at + _WINDOW - now).total_seconds())
            await _append(connection, intent.actor.tid, row)

    async def record_outcome(self, outcome: Outcome) -> None:
        """Commit how an intent ended. Again, it does nothing; without an intent on record neither.

        Where the sweep has meanwhile recorded that nobody knows, what is known now is added behind it.

        Raises:
            StoreUnavailable: it was not recorded, or nobody can tell.
        """
        intent = outcome.intent
        row = {
            "kind": _OUTCOME,
            "at_utc": self._clock(),
            "intent_id": intent.id,
            "after": dict(outcome.after) if outcome.after is not None else None,
            "outcome": outcome.kind.value,
            "error": outcome.error,
            "client_request_id": intent.client_request_id,
            "graph_request_id": outcome.graph_request_id,
        }
        async with self._database.writing_in_turn(_turn_of(intent.actor.tid)) as connection:
            query = select(audit.c.kind, audit.c.outcome).where(audit.c.intent_id == intent.id)
            on_record = {row.kind: row.outcome for row in await connection.execute(query)}
            if _INTENT not in on_record:
                _log.info("an outcome without an intent is not recorded", intent=intent.id)
            elif _OUTCOME not in on_record:
                await _append(connection, intent.actor.tid, row)
            elif _LATE not in on_record and on_record[_OUTCOME] == OutcomeKind.UNKNOWN != outcome.kind:
                await _append(connection, intent.actor.tid, {**row, "kind": _LATE})

    async def find_change(self, key: str) -> Change | None:
        """What was begun under ``key``, None if nothing was."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_changes().where(audit.c.key == key))).one_or_none()
        return _change(row) if row else None

    async def past_of(self, target: Person) -> Past:
        """What is on record about a person's default. Read it before the state that it is held against."""
        # In one statement, hence of one moment: what begins or ends between two would be seen by half.
        query = (
            _changes()
            .add_columns(_under_way(target, self._clock()).correlate(None).label("under_way"))
            .where(audit.c.tid == target.tid, audit.c.target_oid == target.oid)
            .where(or_(_was_not_refused(), audit.c.intent_id == _newest_intent(target)))
            .order_by(audit.c.seq.desc())
            .limit(2)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        if not rows:
            return Past()
        last = next((row for row in rows if row.outcome != OutcomeKind.REFUSED), None)
        return Past(rows[0].intent_id, _change(last) if last else None, bool(rows[0].under_way))

    async def last_changes(self, target: Person, count: int) -> list[Change]:
        """The last changes of a person's default, the newest first, without those that Graph refused."""
        query = (
            _changes()
            .where(audit.c.tid == target.tid, audit.c.target_oid == target.oid, _was_not_refused())
            .order_by(audit.c.seq.desc())
            .limit(count)
        )
        async with self._database.reading() as connection:
            return [_change(row) for row in await connection.execute(query)]

    async def is_under_way(self, target: Person) -> bool:
        """True while a change for ``target`` is being carried out, in whichever instance."""
        async with self._database.reading() as connection:
            return await _is_under_way(connection, target, self._clock())

    # Upkeep

    async def sweep(self) -> int:
        """Give the outcome ``unknown`` to every intent whose instance has died; their number.

        That is, to those without an outcome that are older than a minute.
        """
        swept = 0
        for tid in await self._tenants():
            async with self._database.reading() as connection:
                # Looked at before the lock is taken, so that there is nothing to wait for as a rule.
                lost, settled_through = await self._lost(connection, tid)
            for intent_id in lost:
                swept += await self._give_up(TenantId(tid), intent_id)
            self._swept_through[tid] = settled_through
        return swept

    async def _lost(self, connection: AsyncConnection, tid: str) -> tuple[list[str], int]:
        """Intents whose instance has died, and the number of the row up to which nothing is open."""
        head = await _head(connection, tid)
        query = (
            select(audit.c.intent_id, audit.c.seq, audit.c.at_utc)
            .where(
                audit.c.tid == tid,
                audit.c.seq > self._swept_through.get(tid, 0),
                audit.c.kind == _INTENT,
                ~_has_outcome(),
            )
            .order_by(audit.c.seq)
        )
        rows = (await connection.execute(query)).all()
        now = self._clock()
        under_way = [row for row in rows if abs(row.at_utc - now) < UNDER_WAY]
        settled_through = under_way[0].seq - 1 if under_way else head.seq if head else 0
        return [row.intent_id for row in rows if row not in under_way], settled_through

    async def _give_up(self, tid: TenantId, intent_id: str) -> int:
        row = {
            "kind": _OUTCOME,
            "at_utc": self._clock(),
            "intent_id": intent_id,
            "outcome": OutcomeKind.UNKNOWN.value,
            "error": "Interrupted",
        }
        async with self._database.writing_in_turn(_turn_of(tid)) as connection:
            known = await connection.execute(select(exists().where(_is_outcome_of(intent_id))))
            if known.scalar_one():
                return 0
            await _append(connection, tid, row)
        return 1

    async def prune(self, keep: timedelta) -> int:
        """Remove rows that are older than ``keep``, and put on record which; their number.

        Only the oldest go, without a gap, and some thousand at a time.
        """
        pruned = 0
        try:
            older_than = self._clock() - keep
        except OverflowError:
            # Longer than there is time.
            return 0
        for tid in await self._tenants():
            async with self._database.writing_in_turn(_turn_of(tid)) as connection:
                pruned += await self._prune(connection, tid, older_than)
        return pruned

    async def _prune(self, connection: AsyncConnection, tid: str, older_than: datetime) -> int:
        kept_from = await connection.execute(
            select(func.min(audit.c.seq)).where(audit.c.tid == tid, audit.c.at_utc >= older_than)
        )
        first_kept = kept_from.scalar_one()
        old = (
            select(audit.c.seq, audit.c.kind, audit.c.hash, audit.c.at_utc)
            .where(audit.c.tid == tid)
            .order_by(audit.c.seq)
        )
        if first_kept is not None:
            old = old.where(audit.c.seq < first_kept)
        rows = (await connection.execute(old.limit(_PRUNED_AT_ONCE))).all()
        if all(row.kind == PRUNING for row in rows):
            # The row that tells of the last pruning anchors the rest, so it stays until there is something else to go.
            return 0
        last = rows[-1]
        telling = {
            "kind": PRUNING,
            "at_utc": self._clock(),
            "pruned_through": last.seq,
            "pruned_hash": last.hash,
            "pruned_until_utc": max(row.at_utc for row in rows),
        }
        await _append(connection, TenantId(tid), telling)
        await connection.execute(delete(audit).where(audit.c.tid == tid, audit.c.seq <= last.seq))
        return len(rows)

    # Proof

    async def heads(self) -> list[Head]:
        """The last row of every tenant's trail."""
        found = []
        async with self._database.reading() as connection:
            for tid in await _tenants(connection):
                head = await _head(connection, tid)
                if head is not None:
                    found.append(head)
        return found

    async def verify(self, heads: tuple[str, ...] = ()) -> list[ChainReport]:
        """Check every tenant's chain; ``heads`` are hashes noted earlier, each of which must be in one of them."""
        async with self._database.reading() as connection:
            try:
                with _only_ours():
                    tenants = await _tenants(connection)
            except _NotOursError:
                return await _check_bytewise(connection, heads)
            return [await _check(connection, tid, heads) for tid in tenants]

    async def rows(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncGenerator[dict[str, Any]]:
        """All columns of all rows from ``since`` on and before ``until``, by tenant and in their order."""
        wanted = select(audit)
        if since is not None:
            wanted = wanted.where(audit.c.at_utc >= since)
        if until is not None:
            wanted = wanted.where(audit.c.at_utc < until)
        async with self._database.reading() as connection:
            async for row in _rows(connection, wanted):
                yield row

    async def _tenants(self) -> list[str]:
        async with self._database.reading() as connection:
            return await _tenants(connection)


def _turn_of(tid: TenantId | str) -> str:
    """Who adds to a tenant's chain does so alone."""
    return f"audit:{tid}"


def _command_of(intent: Intent) -> dict[str, str]:
    """What was asked, in our words: nothing that the person wrote is kept."""
    command = {
        "kind": "undo" if intent.undoes else "set",
        "method": intent.method.value,
        "by": "button" if intent.by_button else "text",
    }
    return command | ({"undoes": intent.undoes} if intent.undoes else {})


async def _append(connection: AsyncConnection, tid: TenantId, row: Mapping[str, Any]) -> None:
    head = await _head(connection, tid)
    previous_seq, previous_hash = (head.seq, head.hash) if head else (0, GENESIS)
    linked = {**_fitting(row), "tid": tid, "seq": previous_seq + 1, "previous_hash": previous_hash}
    await connection.execute(insert(audit), {**linked, "hash": row_hash(linked)})


def _fitting(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row without what PostgreSQL would refuse: names and ids are foreign, and no record may fail for them."""
    fitting = dict(row)
    for name, length in _LENGTHS.items():
        value = row.get(name)
        if isinstance(value, str):
            fitting[name] = value.encode(errors="replace").decode().replace("\0", "")[:length]
    return fitting


async def _head(connection: AsyncConnection, tid: str) -> Head | None:
    query = select(audit.c.seq, audit.c.hash).where(audit.c.tid == tid).order_by(audit.c.seq.desc()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return Head(TenantId(tid), row.seq, row.hash) if row else None


async def _tenants(connection: AsyncConnection) -> list[str]:
    return list(await connection.scalars(select(audit.c.tid).distinct().order_by(audit.c.tid)))


async def _rows(connection: AsyncConnection, wanted: Select[Any]) -> AsyncIterator[dict[str, Any]]:
    found = await connection.stream(wanted.order_by(audit.c.tid, audit.c.seq).execution_options(yield_per=_BATCH))
    async for row in found.mappings():
        yield dict(row)


class _NotOursError(Exception):
    """A row holds what no row of ours can hold."""


@contextmanager
def _only_ours() -> Iterator[None]:
    """Whatever shows that a row was not written by us becomes one error: no JSON, JSON too deep, no date, no text."""
    try:
        yield
    except (ValueError, TypeError, RecursionError) as error:
        raise _NotOursError from error
    except OperationalError as error:
        # The driver of SQLite says so of text that is not UTF-8. Anything else is about the database, not about a row.
        if "Could not decode to UTF-8" not in str(error.orig):
            raise
        raise _NotOursError from error


async def _check_bytewise(connection: AsyncConnection, heads: tuple[str, ...]) -> list[ChainReport]:
    """All tenants, where the id of one is not even text. Only SQLite lets that happen."""
    reports = []
    for digits in (await connection.scalars(select(func.hex(audit.c.tid)).distinct())).all():
        try:
            tid = bytes.fromhex(digits).decode()
        except UnicodeDecodeError:
            check = ChainCheck(bytes.fromhex(digits).decode(errors="backslashreplace"), heads)
            for seq in await connection.scalars(select(audit.c.seq).where(func.hex(audit.c.tid) == digits)):
                check.add_unreadable(seq)
            reports.append(check.report())
        else:
            reports.append(await _check(connection, tid, heads))
    return reports


async def _check(connection: AsyncConnection, tid: str, heads: tuple[str, ...]) -> ChainReport:
    theirs = select(audit, _times_as_stored(connection)).where(audit.c.tid == tid)
    check = ChainCheck(tid, heads)
    try:
        with _only_ours():
            async for row in _rows(connection, theirs):
                check.add(*_looked_at(row))
    except _NotOursError:
        # So each row by itself.
        check = ChainCheck(tid, heads)
        for seq in (
            await connection.scalars(select(audit.c.seq).where(audit.c.tid == tid).order_by(audit.c.seq))
        ).all():
            try:
                with _only_ours():
                    row = dict((await connection.execute(theirs.where(audit.c.seq == seq))).mappings().one())
                    check.add(*_looked_at(row))
            except _NotOursError:
                check.add_unreadable(seq)
    return check.report()


def _times_as_stored(connection: AsyncConnection) -> ColumnElement[Any]:
    """SQLite keeps moments as text and compares them as such, so one in another form may hide from a comparison."""
    if connection.dialect.name != "sqlite":
        return null().label("stored")
    return type_coerce(audit.c.at_utc, String).label("stored")


def _looked_at(row: dict[str, Any]) -> tuple[dict[str, Any], str]:
    stored = row.pop("stored")
    is_ours = stored in {None, row["at_utc"].strftime("%Y-%m-%d %H:%M:%S.%f")}
    return row, "" if is_ours else "its time is not written as we write it"


async def _is_under_way(connection: AsyncConnection, target: Person, now: datetime) -> bool:
    return bool((await connection.execute(select(_under_way(target, now)))).scalar_one())


def _under_way(target: Person, now: datetime) -> Exists:
    return exists().where(
        audit.c.tid == target.tid,
        audit.c.target_oid == target.oid,
        audit.c.kind == _INTENT,
        # One from the future was written by a wrong clock, and nobody knows when.
        audit.c.at_utc > now - UNDER_WAY,
        audit.c.at_utc < now + UNDER_WAY,
        ~_has_outcome(),
    )


_Bound = tuple[int, ColumnElement[bool]]
"""How many intents there may be within the hour, and which ones count."""


def _bounds(intent: Intent, limits: Limits) -> list[_Bound]:
    """Every wish that was begun counts, also one that Graph refused; one that goes on after a sign-in counts once."""
    if intent.key.startswith(RESUMED):
        return []
    actor, target = intent.actor.oid, intent.target.oid
    if actor == target:
        return [(limits.self_per_hour, and_(audit.c.actor_oid == actor, audit.c.target_oid == actor))]
    by_agents = audit.c.actor_oid != audit.c.target_oid
    return [
        (limits.agent_per_hour, and_(audit.c.actor_oid == actor, by_agents)),
        (limits.target_per_hour, and_(audit.c.target_oid == target, by_agents)),
    ]


def _standing(intent: Intent, bounds: list[_Bound], now: datetime) -> Select[Any]:
    """Whether it is begun, whether its target is under way, the target's newest intent; when each bound was reached.

    All in one round trip, since everybody else waits for this transaction.
    """
    in_window = (
        audit.c.tid == intent.actor.tid,
        audit.c.kind == _INTENT,
        audit.c.at_utc > now - _WINDOW,
        audit.c.key.not_like(f"{RESUMED}%"),
    )
    nth_last = [
        select(audit.c.at_utc)
        .where(*in_window, counted)
        .order_by(audit.c.at_utc.desc())
        .offset(limit - 1)
        .limit(1)
        .scalar_subquery()
        for limit, counted in bounds
    ]
    is_begun = exists().where(audit.c.key == intent.key)
    return select(is_begun, _under_way(intent.target, now), _newest_intent(intent.target), *nth_last)


def _newest_intent(target: Person) -> ScalarSelect[Any]:
    """The id of the last change of the target's default that was begun."""
    return (
        select(audit.c.intent_id)
        .where(audit.c.tid == target.tid, audit.c.target_oid == target.oid, audit.c.kind == _INTENT)
        .order_by(audit.c.seq.desc())
        .limit(1)
        .correlate(None)
        .scalar_subquery()
    )


def _has_outcome() -> Exists:
    return exists().where(_outcomes.c.intent_id == audit.c.intent_id, _outcomes.c.kind == _OUTCOME)


def _is_outcome_of(intent_id: str) -> ColumnElement[bool]:
    return and_(audit.c.intent_id == intent_id, audit.c.kind == _OUTCOME)


def _known_outcome() -> ColumnElement[str]:
    """What is known at last: a late outcome tells more than the one before it."""
    return func.coalesce(_late.c.outcome, _outcomes.c.outcome)


def _was_not_refused() -> ColumnElement[bool]:
    outcome = _known_outcome()
    return or_(outcome.is_(None), outcome != OutcomeKind.REFUSED.value)


def _changes() -> Select[Any]:
    return (
        select(
            audit.c.intent_id, audit.c.at_utc, audit.c.tid, audit.c.actor_oid, audit.c.actor_upn, audit.c.actor_name,
            audit.c.command, audit.c.before, _known_outcome().label("outcome"),
            case((_late.c.intent_id.is_not(None), _late.c.error), else_=_outcomes.c.error).label("error"),
        )
        .outerjoin(_outcomes, and_(_outcomes.c.intent_id == audit.c.intent_id, _outcomes.c.kind == _OUTCOME))
        .outerjoin(_late, and_(_late.c.intent_id == audit.c.intent_id, _late.c.kind == _LATE))
        .where(audit.c.kind == _INTENT)
    )  # fmt: skip


def _change(row: Row[Any]) -> Change:
    return Change(
        intent_id=row.intent_id,
        method=DefaultMethod(row.command["method"]),
        before=row.before,
        at_utc=row.at_utc,
        actor=Person(Oid(row.actor_oid), TenantId(row.tid), row.actor_upn or "", row.actor_name or ""),
        undoes=row.command.get("undoes"),
        outcome=OutcomeKind(row.outcome) if row.outcome else None,
        error=row.error,
    )
