"""PostgreSQL cut off, silent or gone: nothing is done without a record, and nobody is told what is not so."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from bot.settings import Pace
from bot.store import Store
from sandbox import Call, Sandbox
from sandbox.faults import graph
from tests import database
from tests.conftest import Start, World, eventually
from tests.faults.conftest import Launch
from tests.faults.people import WISHES, Judge, Someone, crowd, shown
from tests.faults.proxy import Proxy

pytestmark = pytest.mark.usefixtures("nobody_steps_down")


_NO_RECORDS = "I can't save my records right now"
_BROKE = "Something went wrong on my side"
_KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = 'mfabot'"
)
_WITHOUT_OUTCOME = (
    "SELECT count(*) AS n FROM audit AS intents WHERE kind = 'intent' AND target_oid = '{oid}' AND NOT EXISTS "
    "(SELECT FROM audit WHERE kind = 'outcome' AND intent_id = intents.intent_id)"
)


async def _ready(world: World) -> str:
    """What ``/readyz`` says, with its status."""
    async with aiohttp.ClientSession() as session, session.get(f"{world.bot_url}/readyz") as response:
        return f"{response.status} {await response.text()}"


async def _ready_again(world: World) -> None:
    async with asyncio.timeout(3):
        while await _ready(world) != "200 ok":
            pass


async def _are_intact(database_url: str) -> bool:
    store = Store.open_for_reading(database_url)
    reports = await store.audit.verify()
    await store.close()
    return [True] == [report.intact for report in reports]


def _interrupted(database_url: str) -> int:
    """Of how many wishes people would hear, when their lease is over, that they were interrupted."""
    return len(database.rows(database_url, "SELECT id FROM commands WHERE state = 'working'"))


@asynccontextmanager
async def _through(proxy: Proxy, start: Start, **options: Any) -> AsyncIterator[World]:
    """A bot whose way to the database is the proxy. The test's own goes past it: reading there blocks the loop."""
    async with start(database_url=proxy.url, **options) as world:
        yield replace(world, database_url=proxy.behind)


@asynccontextmanager
async def _trouble(proxy: Proxy) -> AsyncIterator[None]:
    """The way to the database breaks and the server ends its sessions, at random moments, until the block ends."""
    dice = random.Random(7)  # noqa: S311

    async def cut() -> None:
        while True:
            await asyncio.sleep(dice.uniform(0.01, 0.25))
            proxy.refusing = dice.random() < 0.5
            proxy.cut()
            await asyncio.sleep(dice.uniform(0.0, 0.25))
            proxy.refusing = False

    async def end_sessions() -> None:
        while True:
            await asyncio.sleep(dice.uniform(0.05, 0.3))
            await asyncio.to_thread(database.execute, proxy.behind, _KILL)

    troubles = [asyncio.create_task(cut()), asyncio.create_task(end_sessions())]
    try:
        yield
    finally:
        for trouble in troubles:
            trouble.cancel()
        await asyncio.gather(*troubles, return_exceptions=True)
        proxy.refusing = False


async def test_nobody_is_deceived_while_connections_break(
    sandbox: Sandbox, start: Start, pace: Callable[..., Pace], proxy: Proxy
) -> None:
    """Thirty people write while the way to the database breaks again and again.

    Each gets an answer, and none that isn't true. Graph is asked for nothing that is not on record before. With the
    way free again the bot is ready, works, and every change has its outcome.
    """
    people, judge, bare = crowd(sandbox, 30), Judge(sandbox), []

    async def witness(call: Call) -> None:
        rows = await asyncio.to_thread(database.rows, proxy.behind, _WITHOUT_OUTCOME.format(oid=call.person_oid))
        if rows[0]["n"] != 1:
            bare.append(call)

    sandbox.faults.add(graph("PATCH"), witness, times=None)
    lasting = pace(store_pauses_s=(0.1, 0.2, 0.4, 0.8, 1.6))
    async with _through(proxy, start, pace=lasting, limit_self_per_hour=100) as world:
        async with _trouble(proxy):
            for method in ("sms", "voiceOffice", "voiceMobile"):
                await asyncio.gather(*(one.read(WISHES[method]) for one in people))
        await _ready_again(world)
        await sandbox.teams.idle()
        answers = await asyncio.gather(*(one.read(WISHES["sms"]) for one in people))

        def settled() -> bool:
            return world.count("audit", "kind = 'intent'") == world.count("audit", "kind = 'outcome'")

        await eventually(settled)

    cards = [card for one in people for card in one.cards]
    calls = [call for call in sandbox.tenant.call_log if call.method == "PATCH"]
    asked = {row["client_request_id"] for row in world.rows("SELECT * FROM audit WHERE kind = 'intent'")}
    said = [sum("Changed:" in card for card in one.cards) for one in people]
    assert ([], []) == (judge.lies, bare)
    assert sum(said) == judge.heard
    assert {call.client_request_id for call in calls} <= asked
    assert [one.patches for one in people] == said
    assert [] == [card for card in cards if _BROKE in card]
    assert ["sms"] * 30 == [one.default for one in people]
    assert {True} == {"Changed:" in answer or "your default already" in answer for answer in answers}
    assert any(_NO_RECORDS in card for card in cards), "there was no trouble"
    assert await _are_intact(proxy.behind)


async def test_the_bot_is_not_ready_while_the_database_is_cut_off(sandbox: Sandbox, start: Start, proxy: Proxy) -> None:
    """``/readyz`` is red and says why; nobody's default is changed; soon after the way is free all is well again."""
    ada = Someone(sandbox)
    async with _through(proxy, start) as world:
        await ada.ask("show my methods")
        proxy.refusing = True
        proxy.cut()
        assert "503 store" == await _ready(world)
        assert _NO_RECORDS in await ada.read("use text messages")
        assert "Your default sign-in method" in await ada.read("show my methods")
        assert "503 store" == await _ready(world)
        assert ("voiceMobile", 0) == (ada.default, ada.patches)
        proxy.refusing = False
        await _ready_again(world)
        assert "Changed:" in await ada.read("use text messages")
        assert ["confirmed"] == world.outcomes()


async def test_a_database_that_falls_silent_is_given_up(sandbox: Sandbox, start: Start, proxy: Proxy) -> None:
    """No answer and no broken connection either: a wish is refused with a sentence within ten seconds, unmade."""
    ada = Someone(sandbox)
    # Another client of hers would still be signing in, and what she says next waits for that.
    sandbox.teams.client(ada.oid).endpoints = 1
    async with _through(proxy, start) as world:
        await ada.ask("show my methods")
        proxy.swallowing = True
        asked_at = time.monotonic()
        answer, ready = await asyncio.gather(ada.read("use text messages"), _ready(world))
        took_s = time.monotonic() - asked_at
        assert _NO_RECORDS in answer
        assert "503 store" == ready
        assert took_s < 10
        assert ("voiceMobile", 0) == (ada.default, ada.patches)
        proxy.swallowing = False
        proxy.cut()
        await _ready_again(world)
        assert "Changed:" in await ada.read("use text messages")


async def test_a_database_that_is_gone_stops_the_start(launch: Launch, unused_tcp_port: int) -> None:
    """Where no PostgreSQL answers the bot ends with status 1 and one sentence."""
    bot = await launch(f"postgresql+asyncpg://postgres@127.0.0.1:{unused_tcp_port}/mfabot")
    status, complaint = await bot.end()

    assert (1, 1) == (status, complaint.count("\n"))
    assert "The bot can't start: the database is not available: " in complaint


# A COMMIT that was carried out, but whose answer did not come back


async def test_a_wish_whose_arrival_is_doubtful_is_not_called_interrupted(
    sandbox: Sandbox, start: Start, proxy: Proxy
) -> None:
    """Ada hears that nothing was changed, so that is the end of it."""
    ada = Someone(sandbox)
    async with _through(proxy, start) as world:
        await ada.ask("show my methods")
        loss = proxy.lose_commit(b'"set"', b"working")
        assert _NO_RECORDS in await ada.read("use text messages")
        assert (True, 0) == (loss.happened, ada.patches)
        assert "Changed:" in await ada.read("use text messages")
        await eventually(lambda: _interrupted(world.database_url) == 0, timeout_s=1)


async def test_a_wish_that_could_not_be_put_down_does_not_come_back_with_the_next_sign_in(
    sandbox: Sandbox, start: Start, proxy: Proxy
) -> None:
    """Ada hears that nothing will be changed without records. So what she says next does not make that change."""
    ada = Someone(sandbox)
    async with _through(proxy, start):
        loss = proxy.lose_commit(b'"set"', b"waiting")
        assert _NO_RECORDS in await ada.read("use text messages")
        assert loss.happened
        await ada.ask("show my methods")
        await sandbox.teams.idle()
    assert ("voiceMobile", 0) == (ada.default, ada.patches)


async def test_a_wish_is_over_when_its_person_hears_that_the_records_are_away(
    sandbox: Sandbox, start: Start, proxy: Proxy
) -> None:
    """The records break between the arrival of a wish and its turn: Ada is told, and hears of no interruption later."""
    ada = Someone(sandbox)
    async with _through(proxy, start) as world:
        # With a second client the end of its sign-in would lose the same.
        sandbox.teams.client(ada.oid).endpoints = 1
        await ada.ask("show my methods")
        losses = [proxy.lose_commit(b"waiting", b"working") for _ in range(3)]
        assert _NO_RECORDS in await ada.read("use text messages")
        assert [True] * 3 == [loss.happened for loss in losses]
        assert 0 == ada.patches
        await eventually(lambda: _interrupted(world.database_url) == 0, timeout_s=1)


async def test_a_doubtful_intent_is_put_right(sandbox: Sandbox, start: Start, proxy: Proxy) -> None:
    """Graph is not asked, the record soon says so, and it stands in the way of no other wish."""
    ada = Someone(sandbox)
    async with _through(proxy, start) as world:
        await ada.ask("show my methods")
        loss = proxy.lose_commit(b'"by"')
        assert _NO_RECORDS in await ada.read("use text messages")
        assert (True, 0) == (loss.happened, ada.patches)
        await eventually(lambda: world.outcomes() == ["refused"])
        assert "Changed:" in await ada.read("use text messages")
        assert ["refused", "confirmed"] == world.outcomes()
        await eventually(lambda: _interrupted(world.database_url) == 0, timeout_s=1)


async def test_a_doubtful_outcome_is_recorded_once(sandbox: Sandbox, start: Start, proxy: Proxy) -> None:
    """The person hears what happened, and the record says it, once."""
    ada = Someone(sandbox)
    async with _through(proxy, start) as world:
        await ada.ask("show my methods")
        loss = proxy.lose_commit(b"confirmed")
        assert "Changed:" in await ada.read("use text messages")
        assert loss.happened
        assert "Changed:" in await ada.read("use one-time codes")
        assert (["confirmed", "confirmed"], 2) == (world.outcomes(), ada.patches)
        assert await _are_intact(world.database_url)


async def test_a_press_whose_intent_is_doubtful_changes_nothing_later(
    sandbox: Sandbox, start: Start, proxy: Proxy
) -> None:
    """The press is answered by the trouble; the same press again says that nothing was changed, and writes nothing."""
    ada = Someone(sandbox)
    async with _through(proxy, start) as world:
        press = ada.presses(await ada.ask("show my methods"), "Use text messages")
        loss = proxy.lose_commit(b'"by"')
        assert _NO_RECORDS in shown(await ada.deliver(press))
        assert loss.happened
        await eventually(lambda: world.outcomes() == ["refused"])
        assert "nothing was changed" in shown(await ada.deliver(press))
    assert ("voiceMobile", 0) == (ada.default, ada.patches)
