"""What a stop of the bot has cut off: the person is told, once, where they can see it, and nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.faults import graph
from tests.conftest import ADA, Start, World, eventually
from tests.database import execute

pytestmark = pytest.mark.usefixtures("nobody_steps_down")


LONG_AGO = "2000-01-01 00:00:00.000000"


@asynccontextmanager
async def _stopped_in_the_middle(start: Start, pace: Any, gate: tuple[str, ...]) -> AsyncIterator[World]:
    """A bot that does not wait long when it is stopped, and a call to Graph that is never answered."""
    never = asyncio.Event()

    async def hold(_call: object) -> None:
        await never.wait()

    async with start(pace=pace(turn_limit_s=0.3, press_answer_s=0.05, shutdown_s=0.1, call_s=60.0)) as world:
        await world.ask(ADA, "show my methods")
        world.sandbox.faults.add(graph(*gate), hold)
        yield world
    never.set()
    world.sandbox.faults.clear()


def _let_the_lease_end(world: World) -> None:
    execute(world.database_url, f"UPDATE commands SET until_utc = '{LONG_AGO}' WHERE state = 'working'")  # noqa: S608


async def test_a_wish_that_was_cut_off_before_graph_was_asked_is_explained(start: Start, pace: Any) -> None:
    """Nothing was changed, and the person is asked to say it again; the message that comes again does nothing."""
    async with _stopped_in_the_middle(start, pace, ("POST", "$batch")) as world:
        activity = world.sandbox.teams.activity(world.sandbox.tenant.people[ADA], text="use text messages")
        await world.sandbox.teams.post(activity)
    _let_the_lease_end(world)

    async with start() as world:
        told = await world.client(ADA).wait_for(lambda message: "interrupted" in message.visible_text)
        await world.sandbox.teams.post(activity)

        assert "text message. Nothing was changed. Please ask me again." in told.visible_text
        assert ("voiceMobile", 0, 0) == (world.default_of(ADA), world.patches(), world.count("audit"))
    async with start() as world:
        await world.ask(ADA, "show my methods")
    assert 1 == sum("interrupted" in message.visible_text for message in world.client(ADA).messages)


async def test_a_wish_that_was_cut_off_after_graph_was_asked_claims_nothing(start: Start, pace: Any) -> None:
    """Rule 6: nobody can say whether it took, so the person is told to look."""
    async with _stopped_in_the_middle(start, pace, ("PATCH",)) as world:
        await world.client(ADA).say("use text messages")
        await eventually(lambda: world.count("audit"))
    _let_the_lease_end(world)

    async with start() as world:
        told = await world.client(ADA).wait_for(lambda message: "interrupted" in message.visible_text)

        assert "I can't say whether it worked" in told.visible_text


async def test_a_change_that_was_made_before_the_cut_is_told_as_made(start: Start, pace: Any) -> None:
    """The outcome is on record, only its card never came: the person hears that it was done."""
    async with start() as world:
        await world.ask(ADA, "use text messages")
        await eventually(lambda: world.count("commands", "state = 'done'") == 1)
    assert ["confirmed"] == world.outcomes()
    cut_off = f"UPDATE commands SET state = 'working', until_utc = '{LONG_AGO}'"  # noqa: S608
    execute(world.database_url, cut_off)

    async with start(pace=pace()) as world:
        told = await world.client(ADA).wait_for(lambda message: "interrupted" in message.visible_text)
        assert "text message. Even so, the change went through: Microsoft has accepted it." in told.visible_text


async def test_wishes_that_wait_for_their_turn_are_not_lost_without_a_word(start: Start, pace: Any) -> None:
    """Two wishes, the first of which hangs: after a stop the person hears of both."""
    async with _stopped_in_the_middle(start, pace, ("PATCH",)) as world:
        await world.client(ADA).say("use text messages")
        await eventually(lambda: world.count("audit"))
        await world.client(ADA).say("use calls to my office")
        await eventually(lambda: world.count("commands", "state = 'working'") == 2)
    _let_the_lease_end(world)

    async with start() as world:

        def said() -> str:
            return "\n".join(message.visible_text for message in world.client(ADA).messages if message.card)

        await eventually(lambda: said().count("I was interrupted") == 2)
        assert "call to office phone. Nothing was changed. Please ask me again." in said()


async def test_a_card_that_promised_a_result_shows_that_it_was_cut_off(start: Start, pace: Any) -> None:
    """Its promise does not stand there for ever."""
    async with _stopped_in_the_middle(start, pace, ("PATCH",)) as world:
        card = next(message for message in world.client(ADA).messages if message.card)
        await world.client(ADA).press(card, "Use text messages")
        assert "Working on it" in world.client(ADA).message(card.id).visible_text
        await eventually(lambda: world.count("commands", "state = 'working'") == 1)
    _let_the_lease_end(world)

    async with start() as world:
        await eventually(lambda: "I was interrupted" in world.client(ADA).message(card.id).visible_text)


async def test_who_has_removed_the_bot_is_not_written_to(start: Start, pace: Any) -> None:
    """The address is forgotten with the installation, so an interruption is told to nobody."""
    async with _stopped_in_the_middle(start, pace, ("POST", "$batch")) as world:
        await world.client(ADA).say("use text messages")
        await eventually(lambda: world.count("conversations") and world.count("commands", "state = 'working'"))
        channel = world.sandbox.teams.channel
        ada = world.sandbox.tenant.people[ADA]
        removed = channel.activity(ada, type="installationUpdate", action="remove", text=None, textFormat=None)
        await channel.post(removed)
        await eventually(lambda: not world.count("conversations"))
    _let_the_lease_end(world)

    async with start() as world:
        await eventually(lambda: not world.count("commands", "state = 'working'"))
        await world.sandbox.teams.idle()
        assert not any("interrupted" in message.visible_text for message in world.client(ADA).messages)


async def test_a_slow_wish_whose_person_was_told_is_not_carried_out_any_more(start: Start, pace: Any) -> None:
    """A bot that was silent for so long that another has told of an interruption must not come back and change it."""
    gate = asyncio.Event()

    async def hold(_call: object) -> None:
        await asyncio.wait_for(gate.wait(), 5)

    async with start(pace=pace(turn_limit_s=0.05, renew_after_s=0.0)) as world:
        await world.ask(ADA, "show my methods")
        world.sandbox.faults.add(graph("PATCH"), hold)
        await world.client(ADA).say("use text messages")
        await eventually(lambda: world.count("audit"))
        await world.client(ADA).say("use calls to my office")
        await eventually(lambda: world.count("commands", "state = 'working'") == 2)
        given_up = "UPDATE commands SET state = 'done' WHERE command LIKE '%voiceOffice%'"
        await asyncio.to_thread(execute, world.database_url, given_up)
        gate.set()

    assert ("sms", 1) == (world.default_of(ADA), world.patches())


async def test_a_wish_that_waited_behind_a_slow_one_is_not_carried_out_when_its_person_was_told(
    start: Start, pace: Any
) -> None:
    """What went on after a sign-in is claimed together; each is looked at once more when its turn comes."""
    gate = asyncio.Event()

    async def hold(_call: object) -> None:
        await asyncio.wait_for(gate.wait(), 5)

    async with start(pace=pace(turn_limit_s=0.05, renew_after_s=0.0)) as world:
        client = world.client(ADA)
        client.endpoints = 0
        for text in ("use text messages", "use calls to my office"):
            await client.say(text)
        await eventually(lambda: world.count("commands", "state = 'waiting'") == 2)
        world.sandbox.faults.add(graph("PATCH"), hold)
        ada = world.sandbox.tenant.people[ADA]
        value = {"id": "of-another-card", "token": world.sandbox.entra.issue_sso_token(ada)}
        await world.sandbox.teams.channel.post(world.sandbox.teams.channel.invoke(ada, "signin/tokenExchange", value))
        await eventually(lambda: world.count("audit"))
        given_up = "UPDATE commands SET state = 'done' WHERE command LIKE '%voiceOffice%'"
        await asyncio.to_thread(execute, world.database_url, given_up)
        gate.set()

    assert ("sms", 1) == (world.default_of(ADA), world.patches())


async def test_an_installation_is_remembered_and_a_glance_is_not(world: World) -> None:
    """Where the person can be written to is known from the installation on; looking costs no write."""
    await world.client(ADA).install()
    await eventually(lambda: world.count("conversations"))

    (row,) = world.rows("SELECT * FROM conversations")
    assert (ADA, world.sandbox.service_url) == (row["oid"], row["service_url"])
    assert row["user_id"].startswith("29:")
    assert row["bot_id"].startswith("28:")


async def test_an_upgrade_of_the_app_forgets_nobody(world: World, sandbox: Sandbox) -> None:
    """Teams removes and adds it in one go."""
    await world.client(ADA).install()
    await eventually(lambda: world.count("conversations"))
    ada = sandbox.tenant.people[ADA]
    channel = sandbox.teams.channel
    await channel.post(channel.activity(ada, type="installationUpdate", action="remove-upgrade", text=None))

    assert 1 == world.count("conversations")
