"""kill -9: what was begun stays on record, nothing is done twice, and what waited is carried out once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.store import Store
from sandbox import Answer, Sandbox
from sandbox.faults import graph, token
from tests import database
from tests.conftest import ADA, KATHERINE, Start, eventually
from tests.faults.conftest import Launch
from tests.faults.people import Hold, Someone, shown

pytestmark = pytest.mark.usefixtures("nobody_steps_down")


def _in_two_minutes() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=2, seconds=1)


def _kinds(database_url: str) -> list[str]:
    rows = database.rows(database_url, "SELECT kind, outcome FROM audit ORDER BY seq")
    return [row["outcome"] or row["kind"] for row in rows]


@pytest.mark.parametrize("took_effect", [False, True], ids=["before the change", "before its outcome"])
async def test_a_change_that_was_killed_is_not_repeated(
    sandbox: Sandbox, launch: Launch, start: Start, database_url: str, took_effect: bool
) -> None:
    """Killed between intent and change, or between change and outcome: the intents stay, and become ``unknown``.

    Ada has pressed a button, Katherine has written. To the same press and the same message the next instances write
    nothing; the press gets the state as it is read. Katherine's wish is found as interrupted, once.
    """
    ada, katherine = Someone(sandbox, ADA), Someone(sandbox, KATHERINE)
    bot = await launch(database_url)
    await bot.ready()
    hold = Hold(Answer(drop=True))
    if took_effect:
        sandbox.faults.add(lambda call: ada.is_read_back(call) or katherine.is_read_back(call), hold, times=2)
    else:
        sandbox.faults.add(graph("PATCH"), hold, times=2)
    pressed = ada.presses(await ada.ask("show my methods", bot.url), "Use text messages")
    await katherine.ask("show my methods")
    said = katherine.writes("use text messages")
    deliveries = [asyncio.create_task(ada.deliver(pressed)), asyncio.create_task(katherine.deliver(said))]
    await hold.holds(2)
    await bot.kill()
    sandbox.faults.clear()
    hold.let_go()
    assert [False, False] == [result.ok for result in await asyncio.gather(*deliveries)]

    async def again() -> str:
        """The same deliveries to a new instance; what the press shows."""
        async with start(database_url=database_url):
            await ada.ask("show my methods")
            await katherine.ask("show my methods")
            cards = len(katherine.cards)
            assert (await katherine.deliver(said)).ok
            assert cards == len(katherine.cards)
            return shown(await ada.deliver(pressed))

    at_once = await again()
    store = await Store.open(database_url, clock=_in_two_minutes)
    swept = [await store.audit.sweep() for _ in range(2)]
    interrupted = [pending.oid for _ in range(2) for pending in await store.inbox.take_interrupted()]
    reports = await store.audit.verify()
    await store.close()
    later = await again()

    assert [2, 0] == swept
    assert [KATHERINE] == interrupted
    assert ["intent", "intent", "unknown", "unknown"] == _kinds(database_url)
    assert [True] == [report.intact for report in reports]
    if took_effect:
        assert ["Changed: call to mobile phone → text message." in text for text in (at_once, later)] == [True] * 2
    else:
        assert "I am still working on it" in at_once
        assert "I can't say whether it worked" in later
    assert (("sms", "sms") if took_effect else ("voiceMobile", "voiceMobile")) == (ada.default, katherine.default)
    assert (1, 1) == (ada.patches, katherine.patches)


async def test_a_wish_that_was_killed_in_its_sign_in_is_carried_out_once(
    sandbox: Sandbox, launch: Launch, start: Start, sqlite_url: str
) -> None:
    """Killed in the middle of a token exchange: the wish is carried out when the person says anything, once.

    The same message delivered again adds nothing to that, before and after.
    """
    ada = Someone(sandbox)
    bot = await launch(sqlite_url)
    await bot.ready()
    hold = Hold(Answer(drop=True))
    sandbox.faults.add(token("jwt-bearer"), hold, times=None)
    said = ada.writes("use text messages")
    assert (await ada.deliver(said, bot.url)).ok
    await hold.holds(1)
    await bot.kill()
    sandbox.faults.clear()
    hold.let_go()

    async with start(database_url=sqlite_url):
        assert (await ada.deliver(said)).ok
        assert ([], 0) == (ada.cards, ada.patches)
        await ada.deliver(ada.writes("show my methods"))
        await eventually(lambda: len(ada.cards) == 2)
        assert (await ada.deliver(said)).ok
        await ada.ask("show my methods")

    assert "Changed: call to mobile phone → text message." in ada.cards[0]
    assert 3 == len(ada.cards)
    assert ("sms", 1) == (ada.default, ada.patches)
    assert ["intent", "confirmed"] == _kinds(sqlite_url)
