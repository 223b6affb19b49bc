"""The databases on which the tests run: files of SQLite, and databases of their own on a PostgreSQL server.

The server is the one at 127.0.0.1:5432, or that of ``MFABOT_TEST_POSTGRES``. Where none answers its tests are skipped;
with that variable set they fail instead, so that they can't be skipped by mistake where they have to run.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import URL, make_url

_REQUIRED = "MFABOT_TEST_POSTGRES"
_SERVER = make_url(os.environ.get(_REQUIRED) or "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")


def sqlite_url(path: Path) -> str:
    """The address of a file."""
    return f"sqlite+aiosqlite:///{path}"


@asynccontextmanager
async def postgresql_database() -> AsyncIterator[str]:
    """A new, empty database on the server, until the block ends."""
    name = f"mfabot_test_{uuid4().hex}"
    try:
        connection = await asyncpg.connect(_dsn(_SERVER), timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        if os.environ.get(_REQUIRED):
            raise
        pytest.skip(f"no PostgreSQL answers: {type(error).__name__}")
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield _SERVER.set(database=name).render_as_string(hide_password=False)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


def rows(database_url: str, query: str) -> list[dict[str, Any]]:
    """What stands in the database, read by a connection of its own."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    async def fetch(connection: asyncpg.Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in await connection.fetch(query)]

    found: list[dict[str, Any]] = _with_postgresql(url, fetch)
    return found


def execute(database_url: str, *statements: str) -> None:
    """Change something behind the bot's back, in one transaction."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database), timeout=10)) as connection, connection:
            for statement in statements:
                connection.execute(statement)
    else:
        _with_postgresql(url, lambda connection: connection.execute(";".join(statements)))


def _with_postgresql(url: URL, use: Callable[[asyncpg.Connection], Any]) -> Any:
    """Run ``use`` on a loop of its own: the test's is running, and reading here shall look the same for both kinds."""
    result: list[Any] = []

    async def connected() -> None:
        connection = await asyncpg.connect(_dsn(url), timeout=5)
        try:
            result.append(await use(connection))
        finally:
            await connection.close()

    thread = threading.Thread(target=asyncio.run, args=(connected(),))
    thread.start()
    thread.join()
    return result[0]


def _dsn(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
