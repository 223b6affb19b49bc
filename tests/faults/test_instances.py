"""Several instances on one database: each wish is carried out once, and one after the other."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from bot.settings import Pace
from sandbox import ChatMessage, Sandbox
from tests import database
from tests.conftest import Start
from tests.faults.conftest import Launch
from tests.faults.people import Someone, shown

pytestmark = pytest.mark.usefixtures("nobody_steps_down")


_PATIENT: dict[str, Any] = {"duplicate_wait_s": 3.0, "press_answer_s": 4.0, "turn_limit_s": 5.0}
_BEFORE = "userpreferredmethodforsecondaryauthentication"


def _kinds(database_url: str) -> list[str]:
    rows = database.rows(database_url, "SELECT kind, outcome FROM audit ORDER BY seq")
    return [row["outcome"] or row["kind"] for row in rows]


async def _ready(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as response:
        return response.status, await response.text()


async def _press_fifty_times(ada: Someone, card: ChatMessage, *bots: str) -> set[str]:
    """Deliver one press fifty times at once, to the bots in turn; all the texts that it showed."""
    press = ada.presses(card, "Use text messages")
    urls = itertools.islice(itertools.cycle(bots), 50)
    return {shown(result) for result in await asyncio.gather(*(ada.deliver(press, url) for url in urls))}


async def test_two_processes_that_start_at_once_write_once(
    sandbox: Sandbox, launch: Launch, postgresql_url: str
) -> None:
    """Started at the same moment on an empty database both become ready, on one schema with one key.

    Of fifty presses over both one changes something; all of them show the same result.
    """
    bots = await asyncio.gather(launch(postgresql_url), launch(postgresql_url))
    await asyncio.gather(*(bot.ready() for bot in bots))
    first, second = (bot.url for bot in bots)
    ada = Someone(sandbox)

    assert [(200, "ok")] * 2 == [await _ready(first), await _ready(second)]
    assert 1 == len(database.rows(postgresql_url, "SELECT * FROM alembic_version"))
    assert 1 == len(database.rows(postgresql_url, "SELECT name FROM server_keys"))
    await ada.ask("show my methods", first)
    (text,) = await _press_fifty_times(ada, await ada.ask("show my methods", second), first, second)
    assert "Changed: call to mobile phone → text message." in text
    assert ("sms", 1) == (ada.default, ada.patches)
    assert ["intent", "confirmed"] == _kinds(postgresql_url)


async def test_fifty_presses_over_two_instances_write_once(
    sandbox: Sandbox, start: Start, pace: Callable[..., Pace], postgresql_url: str
) -> None:
    """One PATCH, one intent, one outcome, and every delivery shows the same result."""
    ada, patient = Someone(sandbox), pace(**_PATIENT)
    async with (
        start(pace=patient, database_url=postgresql_url) as first,
        start(pace=patient, database_url=postgresql_url) as second,
    ):
        await ada.ask("show my methods", first.bot_url)
        card = await ada.ask("show my methods", second.bot_url)
        texts = await _press_fifty_times(ada, card, first.bot_url, second.bot_url)

    assert ["Changed: call to mobile phone → text message." in text for text in texts] == [True]
    assert ("sms", 1) == (ada.default, ada.patches)
    assert ["intent", "confirmed"] == _kinds(postgresql_url)


async def test_different_wishes_on_two_instances_are_made_one_after_the_other(
    sandbox: Sandbox, start: Start, pace: Callable[..., Pace], postgresql_url: str
) -> None:
    """Two wishes of one person at the same moment never cross: what the second replaces is what the first made."""
    ada, patient = Someone(sandbox), pace(**_PATIENT)
    wishes = [
        ("use text messages", "use calls to my second mobile"),
        ("use calls to my mobile", "use office phone"),
        ("use calls to my second mobile", "use text messages"),
    ]
    async with (
        start(pace=patient, database_url=postgresql_url) as first,
        start(pace=patient, database_url=postgresql_url) as second,
    ):
        urls = (first.bot_url, second.bot_url)
        for url in urls:
            await ada.ask("show my methods", url)
        for pair in wishes:
            said = [ada.writes(text) for text in pair]
            await asyncio.gather(*(ada.deliver(one, url) for one, url in zip(said, urls, strict=True)))

    rows = database.rows(postgresql_url, "SELECT before, command FROM audit WHERE kind = 'intent' ORDER BY seq")
    made = [json.loads(row["command"])["method"] for row in rows]
    assert ["voiceMobile", *made[:-1]] == [json.loads(row["before"])[_BEFORE] for row in rows]
    assert ["intent", "confirmed"] * 2 * len(wishes) == _kinds(postgresql_url)
    assert (2 * len(wishes), made[-1]) == (ada.patches, ada.default)
    assert 2 + 2 * len(wishes) == len(ada.cards)


async def test_a_message_that_is_delivered_to_both_instances_is_carried_out_once(
    sandbox: Sandbox, start: Start, postgresql_url: str
) -> None:
    """Teams delivers a message again where it misses an answer, perhaps to another instance: one PATCH, one answer."""
    ada = Someone(sandbox)
    async with start(database_url=postgresql_url) as first, start(database_url=postgresql_url) as second:
        urls = (first.bot_url, second.bot_url)
        for url in urls:
            await ada.ask("show my methods", url)
        said = ada.writes("use text messages")
        results = await asyncio.gather(*(ada.deliver(said, url) for url in urls * 5))
        late = [await ada.deliver(said, url) for url in urls]

    assert [200] * 12 == [result.status for result in (*results, *late)]
    assert ("sms", 1, 3) == (ada.default, ada.patches, len(ada.cards))
    assert ["intent", "confirmed"] == _kinds(postgresql_url)


async def test_a_second_process_on_an_sqlite_file_does_not_start(
    sandbox: Sandbox, launch: Launch, start: Start, sqlite_url: str
) -> None:
    """It ends with status 1 and one sentence, and the first works on. Once that is killed another starts at once."""
    first, ada = await launch(sqlite_url), Someone(sandbox)
    await first.ready()
    status, complaint = await (await launch(sqlite_url)).end()

    assert (1, 1) == (status, len(complaint.splitlines()))
    assert "The bot can't start: another instance of the bot uses this SQLite file" in complaint
    assert "Changed:" in await ada.read("use text messages", first.url)
    await first.kill()
    async with start(database_url=sqlite_url):
        assert "Changed:" in await ada.read("use one-time codes")
    assert 2 == ada.patches
