"""An SQLite file that can't be written, at the start and later."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Pool, event, make_url

from bot.store import Store
from sandbox import Sandbox
from tests.conftest import Start, World, eventually
from tests.faults.conftest import Launch
from tests.faults.people import Someone

pytestmark = pytest.mark.usefixtures("nobody_steps_down")


_NO_RECORDS = "I can't save my records right now"


async def _ready(world: World) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{world.bot_url}/readyz") as response:
        return f"{response.status} {await response.text()}"


@dataclass
class _Disk:
    """``full`` is True while the files of SQLite can't grow."""

    full: bool = False

    def limit(self, connection: Any, *_: object) -> None:
        """Tell a connection that is about to be used (https://www.sqlite.org/pragma.html#pragma_max_page_count)."""
        cursor = connection.cursor()
        # The pages that there are stay, so 1 means: no more than these.
        cursor.execute(f"PRAGMA max_page_count={1 if self.full else 1_000_000}")
        cursor.close()


@pytest.fixture
def disk() -> Iterator[_Disk]:
    """The disk on which all SQLite files of this process are."""
    one = _Disk()
    event.listen(Pool, "checkout", one.limit)
    yield one
    event.remove(Pool, "checkout", one.limit)


async def test_a_file_that_may_not_be_written_stops_the_start(
    sandbox: Sandbox, launch: Launch, start: Start, sqlite_url: str
) -> None:
    """The bot ends with status 1 and one sentence, and the file stays as it was."""
    async with start(database_url=sqlite_url):
        await Someone(sandbox).ask("use text messages")
    path = Path(str(make_url(sqlite_url).database))
    before = path.read_bytes()
    bot = await launch(f"sqlite+aiosqlite:///file:{path}?mode=ro&uri=true")
    status, complaint = await bot.end()

    assert (1, 1) == (status, len(complaint.splitlines()))
    assert complaint.startswith("The bot can't start: the database is not available")
    assert before == path.read_bytes()


async def _fill(disk: _Disk, person: Someone) -> None:
    """Leave no room, and let ``person`` write until there is none in the file either."""
    disk.full = True
    wishes = itertools.cycle(["use text messages", "use calls to my office"])
    async with asyncio.timeout(20):
        while _NO_RECORDS not in await person.read(next(wishes)):
            pass


async def test_a_full_disk_stops_the_changes_and_nothing_else(
    sandbox: Sandbox, start: Start, disk: _Disk, sqlite_url: str
) -> None:
    """Nothing is changed without a record, what people have is still shown, and ``/readyz`` says why it is red.

    As soon as there is room again the bot is ready, and works.
    """
    ada = Someone(sandbox)
    async with start(database_url=sqlite_url, limit_self_per_hour=1000) as world:
        await _fill(disk, ada)
        stood = (ada.default, ada.patches)
        assert "503 store" == await _ready(world)
        assert _NO_RECORDS in await ada.read("use calls to my mobile")
        assert "Your default sign-in method" in await ada.read("show my methods")
        assert "503 store" == await _ready(world)
        assert stood == (ada.default, ada.patches)
        assert ada.patches == world.count("audit", "kind = 'intent'")
        disk.full = False
        await eventually(lambda: world.count("audit", "kind = 'outcome'") == ada.patches)
        assert "Changed:" in await ada.read("use calls to my mobile")
        assert "200 ok" == await _ready(world)
        assert ada.patches == world.count("audit", "kind = 'outcome'")
        store = Store.open_for_reading(sqlite_url)
        assert [True] == [report.intact for report in await store.audit.verify()]
        await store.close()


async def test_the_bot_is_not_ready_as_long_as_the_disk_is_full(
    sandbox: Sandbox, start: Start, disk: _Disk, sqlite_url: str
) -> None:
    """Also after a transaction that had nothing to write, such as that of a message that is delivered again."""
    ada = Someone(sandbox)
    said = ada.writes("use one-time codes")
    async with start(database_url=sqlite_url, limit_self_per_hour=1000) as world:
        await ada.ask("show my methods")
        await ada.deliver(said)
        await _fill(disk, ada)
        assert "503 store" == await _ready(world)
        await ada.deliver(said)
        assert "503 store" == await _ready(world)
