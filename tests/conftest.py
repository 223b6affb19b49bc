"""The world in which the tests live: a simulated tenant on loopback, and the real bot in it."""

from __future__ import annotations

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.identity import UserTokens
from bot.mfa import Oid, TenantId
from bot.server import running_bot
from bot.settings import Pace, Settings, load_settings
from bot.store import Store
from sandbox import ChatMessage, Sandbox, SandboxKeys, TeamsClient
from sandbox.faults import graph
from sandbox.teams import card_text
from tests import database

PACE = Pace(
    typing_after_s=0.05,
    press_answer_s=0.5,
    turn_limit_s=2.0,
    connect_s=1.0,
    call_s=1.0,
    call_budget_s=1.5,
    sign_in_s=1.5,
    reread_pauses_s=(0.0, 0.01, 0.02),
    first_retry_s=0.01,
    exchange_grace_s=0.1,
    store_pauses_s=(0.02, 0.05),
    claim_s=2.0,
    duplicate_wait_s=0.4,
    duplicate_poll_s=0.02,
    key_reload_s=60.0,
    shutdown_s=2.0,
)
"""As in production, but scaled down."""

ADA, GRACE, KATHERINE, ALAN, NORA = (
    "ada00000-0000-4000-8000-000000000001",
    "96ace000-0000-4000-8000-000000000002",
    "ca700000-0000-4000-8000-000000000003",
    "a1a00000-0000-4000-8000-000000000004",
    "40ba0000-0000-4000-8000-000000000005",
)


@dataclass(frozen=True)
class World:
    """A running tenant with a running bot."""

    sandbox: Sandbox
    bot_url: str
    admin_url: str
    database_url: str
    tokens: UserTokens

    def client(self, oid: str) -> TeamsClient:
        """The Teams clients of a person."""
        return self.sandbox.teams.client(oid)

    def default_of(self, oid: str) -> object:
        """What the tenant has stored as the person's default."""
        return self.sandbox.tenant.people[oid].preferences.get("userPreferredMethodForSecondaryAuthentication")

    async def ask(self, oid: str, text: str) -> ChatMessage:
        """Write ``text`` as the person; the bot's card that answers it."""
        client = self.client(oid)
        message = await client.say(text)
        return await client.next_bot_card(after=message)

    async def read(self, oid: str, text: str) -> str:
        """The same, as the visible text of the card."""
        return card_text((await self.ask(oid, text)).card or {})

    def sign_out(self, oid: str) -> None:
        """Take the person's tokens out of the bot's memory."""
        self.tokens.sign_out(TenantId(self.sandbox.tenant.tenant_id), Oid(oid))

    def patches(self) -> int:
        """How often a change was sent to Graph."""
        return len(self.sandbox.faults.seen(graph("PATCH")))

    def graph_requests(self) -> list[str]:
        """Every HTTP request to Graph so far (the parts of a batch are not requests), as ``METHOD last-segment``."""
        calls = self.sandbox.tenant.call_log
        return [f"{call.method} {call.path.rsplit('/', 1)[-1]}" for call in calls if call.batch is None]

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What stands in the database, read by another connection."""
        return database.rows(self.database_url, query)

    def count(self, table: str, where: str = "true") -> int:
        """The number of rows of ``table``."""
        return int(self.rows(f"SELECT count(*) AS n FROM {table} WHERE {where}")[0]["n"])  # noqa: S608

    def outcomes(self) -> list[str]:
        """How the changes ended, as it is on record, in their order."""
        return [row["outcome"] for row in self.rows("SELECT outcome FROM audit WHERE kind = 'outcome' ORDER BY seq")]


Start = Callable[..., AbstractAsyncContextManager[World]]


def pytest_collection_finish() -> None:
    """What exists by now stays to the end; no collection of garbage need look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A bot that a test has started as its users do has set up the log of the whole process."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def keys() -> SandboxKeys:
    """Signing keys, made once: that takes a while."""
    return SandboxKeys.generate()


@pytest.fixture
async def sandbox(keys: SandboxKeys) -> AsyncIterator[Sandbox]:
    """A simulated tenant without a bot."""
    async with await Sandbox.start(keys=keys) as running:
        yield running


@pytest.fixture
def nobody_steps_down(sandbox: Sandbox) -> None:
    """Ada starts with calls, so that no change of hers is asked about for being a step down."""
    sandbox.tenant.people[ADA].set_default("voiceMobile")


@pytest.fixture
async def postgresql_url() -> AsyncIterator[str]:
    """An empty database on a PostgreSQL server."""
    async with database.postgresql_database() as url:
        yield url


def settings_for(sandbox: Sandbox, database_url: str, **overrides: object) -> Settings:
    """Settings of a bot in ``sandbox``."""
    names = sandbox.environment(database_url=database_url)
    fields = {name.removeprefix("MFABOT_").lower(): value for name, value in names.items()}
    local = {"host": "127.0.0.1", "port": 0, "admin_port": 0}
    return load_settings(**{**fields, **local, **overrides})


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database of the newest revision, made once: a copy of it is made sooner than another one."""
    path = tmp_path_factory.mktemp("migrated") / "mfabot.db"

    async def make() -> None:
        await (await Store.open(database.sqlite_url(path))).close()

    asyncio.run(make())
    return path


@pytest.fixture
def start(sandbox: Sandbox, tmp_path: Path, migrated: Path) -> Start:
    """Give a way to start a bot in the tenant; keyword arguments are settings, such as ``read_only=True``."""

    @asynccontextmanager
    async def started(
        *, pace: Pace = PACE, database_url: str | None = None, **overrides: object
    ) -> AsyncIterator[World]:
        path = tmp_path / "mfabot.db"
        if database_url is None and not path.exists():
            shutil.copyfile(migrated, path)
        url = database_url or database.sqlite_url(path)
        async with running_bot(settings_for(sandbox, url, **overrides), pace) as bot:
            bot_url = f"http://127.0.0.1:{bot.port}"
            sandbox.connect_bot(f"{bot_url}/api/messages")
            yield World(sandbox, bot_url, f"http://127.0.0.1:{bot.admin_port}", url, bot.tokens)
            await sandbox.teams.idle()

    return started


@pytest.fixture
async def world(start: Start) -> AsyncIterator[World]:
    """A tenant with a bot as people first meet it."""
    async with start() as running:
        yield running


@pytest.fixture
def pace() -> Callable[..., Pace]:
    """The tests' pace with some of it changed."""
    return lambda **changes: replace(PACE, **changes)


async def eventually(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Return as soon as ``condition`` holds. For what happens after an answer, where nothing can be awaited."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  the condition may be anything, also a row in the database
            await asyncio.sleep(0.005)
