"""Migrations: they end in the tables of ``schema.py``, and keep what the first version had on record."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, NullPool, inspect
from sqlalchemy.ext.asyncio import create_async_engine

import bot.store
from bot.errors import StoreUnavailable
from bot.mfa import DefaultMethod
from bot.store import Change, Limits, Outcome, OutcomeKind, PendingCommand, Store, Waiting
from bot.store.schema import metadata
from tests.database import execute, rows
from tests.store.conftest import ADA, AFTER, BEFORE, BEN, CONTOSO, FABRIKAM, Clock, intent, person

EVE = person("eve", FABRIKAM)
KEY = bytes(range(32))
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


async def test_the_migrations_make_what_the_code_expects(empty_database_url: str) -> None:
    """After all migrations the database has the tables of ``schema.py``: columns, types, keys and indexes."""

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    await (await Store.open(empty_database_url)).close()
    engine = create_async_engine(empty_database_url, poolclass=NullPool)
    async with engine.connect() as connection:
        assert [] == await connection.run_sync(differences)
    await engine.dispose()


def the_first_version(connection: Connection, at: datetime) -> None:
    """A database as the first version has left it at ``at``, with something in each table."""
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    tables = MetaData()
    tables.reflect(connection)

    def add(table: str, *entries: dict[str, Any]) -> None:
        for entry in entries:
            connection.execute(tables.tables[table].insert(), entry)

    def began(number: int, who: Any, age: timedelta) -> dict[str, Any]:
        return {
            "id": f"id {number}", "at_utc": at - age, "tid": who.tid, "actor_oid": who.oid, "actor_upn": who.upn,
            "actor_name": who.display_name, "target_oid": who.oid, "method": "oath", "conversation_id": "a:1",
            "before": BEFORE, "client_request_id": f"request {number}", "key": f"card:{number}",
        }  # fmt: skip

    def ended(number: int, kind: str, age: timedelta, **known: Any) -> dict[str, Any]:
        nothing = {"after": None, "graph_request_id": None, "error": None}
        return {"intent_id": f"id {number}", "at_utc": at - age, "kind": kind, **nothing, **known}

    def waits(name: str, key: str, expires: timedelta, claimed: datetime | None = None) -> dict[str, Any]:
        return {
            "id": name, "tid": CONTOSO, "oid": ADA.oid, "command": {"kind": "set", "method": "oath"},
            "conversation_id": "a:1", "message_key": key, "attempts": 1, "card_activity_id": None,
            "expires_at_utc": at + expires, "claimed_at_utc": claimed,
        }  # fmt: skip

    add("intents", began(4, ADA, MINUTE), began(1, ADA, 9 * MINUTE), began(2, EVE, 8 * MINUTE),
        began(3, BEN, 7 * MINUTE), began(5, BEN, SECOND))  # fmt: skip
    add(
        "outcomes",
        ended(1, "confirmed", 9 * MINUTE - SECOND, after=AFTER, graph_request_id="graph 1"),
        # The clock was set back while this one was under way.
        ended(3, "refused", 20 * MINUTE, error="MethodRefused"),
        ended(2, "unknown", 7 * MINUTE, error="Unavailable"),
    )
    add("pending_commands", waits("second", "message:2", 9 * MINUTE), waits("first", "message:1", 8 * MINUTE),
        waits("again", "message:1", 10 * MINUTE), waits("claimed", "message:3", 9 * MINUTE, at),
        waits("late", "message:4", -SECOND))  # fmt: skip
    add("spent_actions", {"id": "card", "tid": CONTOSO, "actor_oid": ADA.oid, "target_oid": ADA.oid,
                          "method": "oath", "spent_at_utc": at})  # fmt: skip
    add("once", {"key": "message:9", "expires_at_utc": at})
    add("server_keys", {"name": "actions", "key": KEY})


async def test_what_the_first_version_has_on_record_is_kept(empty_database_url: str, clock: Clock) -> None:
    """Changes are found as they were, in sound chains; what waits goes on waiting; the old tables are gone."""
    start = clock.now
    engine = create_async_engine(empty_database_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(the_first_version, start)
    store = await Store.open(empty_database_url, clock=clock)

    def was(number: int, who: Any, age: timedelta, kind: OutcomeKind | None, error: str | None = None) -> Change:
        return Change(f"id {number}", DefaultMethod.OATH, BEFORE, start - age, who, None, kind, error)

    expected = [
        was(1, ADA, 9 * MINUTE, OutcomeKind.CONFIRMED),
        was(2, EVE, 8 * MINUTE, OutcomeKind.UNKNOWN, "Unavailable"),
        was(3, BEN, 7 * MINUTE, OutcomeKind.REFUSED, "MethodRefused"),
        was(4, ADA, MINUTE, None),
        was(5, BEN, SECOND, None),
    ]
    assert expected == [await store.audit.find_change(f"card:{number}") for number in (1, 2, 3, 4, 5)]
    assert [expected[3], expected[0]] == await store.audit.last_changes(ADA, 10)
    trail = [(row["tid"], row["intent_id"], row["kind"], row["client_request_id"]) async for row in store.audit.rows()]
    assert [
        (CONTOSO, "id 1", "intent", "request 1"), (CONTOSO, "id 1", "outcome", "request 1"),
        (CONTOSO, "id 3", "intent", "request 3"), (CONTOSO, "id 3", "outcome", "request 3"),
        (CONTOSO, "id 4", "intent", "request 4"), (CONTOSO, "id 5", "intent", "request 5"),
        (FABRIKAM, "id 2", "intent", "request 2"), (FABRIKAM, "id 2", "outcome", "request 2"),
    ] == trail  # fmt: skip
    (row,) = [row async for row in store.audit.rows() if (row["intent_id"], row["kind"]) == ("id 1", "outcome")]
    kept = (row["at_utc"], row["after"], row["graph_request_id"])
    assert (start - 9 * MINUTE + SECOND, AFTER, "graph 1") == kept
    assert [(True, 6), (True, 2)] == [(report.intact, report.rows) for report in await store.audit.verify()]

    # The trail goes on: a young intent is under way, an older one is given up, and the next one is chained.
    assert (False, True, 1) == (*[await store.audit.is_under_way(who) for who in (ADA, BEN)], await store.audit.sweep())
    await store.audit.record_intent(intent("new"), Limits())
    await store.audit.record_outcome(Outcome(intent("new"), OutcomeKind.CONFIRMED))
    assert [(True, 9), (True, 2)] == [(report.intact, report.rows) for report in await store.audit.verify()]

    clock.now += 8 * MINUTE - SECOND
    claimed = await store.inbox.claim(ADA, "a:1", Waiting())
    commands = [
        PendingCommand(name, CONTOSO, ADA.oid, {"kind": "set", "method": "oath"}, "a:1", key, 1)
        for name, key in (("first", "message:1"), ("second", "message:2"))
    ]
    assert (commands, KEY) == (claimed, await store.action_key())
    async with engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    assert {*metadata.tables, "alembic_version"} == tables
    await engine.dispose()
    await store.close()


async def test_a_migration_that_fails_changes_nothing(empty_database_url: str, clock: Clock) -> None:
    """All or nothing: where a migration stops in the middle the first version's database is as it was."""
    engine = create_async_engine(empty_database_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(the_first_version, clock.now)
    await engine.dispose()
    # The last table that the migration makes is there already, so it stops behind most of its work.
    execute(empty_database_url, "CREATE TABLE write_probe (id INTEGER)")
    with pytest.raises(StoreUnavailable):
        await Store.open(empty_database_url)
    assert [{"version_num": "0001"}] == rows(empty_database_url, "SELECT version_num FROM alembic_version")
    execute(empty_database_url, "DROP TABLE write_probe")

    store = await Store.open(empty_database_url, clock=clock)
    assert [(True, 6), (True, 2)] == [(report.intact, report.rows) for report in await store.audit.verify()]
    await store.close()
