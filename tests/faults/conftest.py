"""Processes, and a way to the database that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests import database
from tests.faults.processes import BotProcess
from tests.faults.proxy import Proxy

Launch = Callable[[str], Awaitable[BotProcess]]


@pytest.fixture
async def launch(sandbox: Sandbox) -> AsyncIterator[Launch]:
    """Give a way to launch a bot of the tenant as a process of its own, on the database of that address."""
    launched: list[BotProcess] = []

    async def one(database_url: str) -> BotProcess:
        bot = await BotProcess.launch(sandbox.environment("http://127.0.0.1", database_url))
        launched.append(bot)
        return bot

    yield one
    for bot in launched:
        await bot.kill()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that does not exist yet."""
    return database.sqlite_url(tmp_path / "mfabot.db")


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, sqlite_url: str) -> AsyncIterator[str]:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        yield sqlite_url
        return
    async with database.postgresql_database() as url:
        yield url


@pytest.fixture
async def proxy(postgresql_url: str) -> AsyncIterator[Proxy]:
    """The way to an empty PostgreSQL database."""
    async with Proxy(postgresql_url) as running:
        yield running
