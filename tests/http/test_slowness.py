"""When something upstream is slow: the channel has its answer in time, and the work is finished all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sandbox import Answer, Call, Sandbox
from sandbox.faults import Match, graph
from tests.conftest import ADA, GRACE, Start, World, eventually
from tests.http.signing_in import exchange, sign_in_cards, silent_card, sso, visible_cards

pytestmark = pytest.mark.usefixtures("nobody_steps_down")


def _entra_keys() -> Match:
    return lambda call: call.service == "entra" and "discovery" in call.path


class Gate:
    """Holds calls until it is opened."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self.waiting = 0

    async def __call__(self, _call: Call) -> Answer | None:
        """Wait; then let the call go on."""
        self.waiting += 1
        await asyncio.wait_for(self._open.wait(), 10)
        return None

    def open(self) -> None:
        """Let everything through."""
        self._open.set()


async def test_a_slow_message_is_accepted_in_time_and_answered_later(start: Start, pace: Any) -> None:
    """Beyond the limit the channel hears 202, and the answer comes when it is there."""
    async with start(pace=pace(turn_limit_s=0.1, call_s=5.0, call_budget_s=5.0)) as world:
        await world.ask(ADA, "show my methods")
        gate = Gate()
        world.sandbox.faults.add(graph("POST", "$batch"), gate)
        ada = world.sandbox.tenant.people[ADA]

        assert 202 == (await world.sandbox.teams.post(world.sandbox.teams.activity(ada, text="use sms"))).status
        gate.open()

        await eventually(lambda: world.default_of(ADA) == "sms")


async def test_a_slow_exchange_is_answered_in_time(start: Start, pace: Any) -> None:
    """An invoke that can't be answered within the limit is 503, so that the client may come again."""
    async with start(pace=pace(turn_limit_s=0.1, call_s=5.0)) as world:
        gate = Gate()
        world.sandbox.faults.add(lambda call: call.service == "entra" and "token" in call.path, gate, times=None)
        channel = world.sandbox.teams.channel
        ada = world.sandbox.tenant.people[ADA]
        value = {"id": "x", "connectionName": "", "token": world.sandbox.entra.issue_sso_token(ada)}

        assert 503 == (await channel.post(channel.invoke(ada, "signin/tokenExchange", value))).status
        gate.open()


async def test_one_persons_slowness_is_not_anothers(world: World) -> None:
    """While a call of Ada's hangs, Grace is served."""
    await world.ask(ADA, "show my methods")
    gate = Gate()
    world.sandbox.faults.add(lambda call: graph()(call) and call.person_oid == ADA, gate, times=None)
    slow = asyncio.create_task(world.client(ADA).say("show my methods"))
    await eventually(lambda: gate.waiting)

    assert "Your default sign-in method" in await world.read(GRACE, "set my default MFA to oath")
    gate.open()
    await slow


async def test_a_persons_changes_are_made_one_after_the_other(world: World) -> None:
    """A second wish waits for the first: what was said last is what remains."""
    await world.ask(ADA, "show my methods")
    gate = Gate()
    world.sandbox.faults.add(graph("PATCH"), gate)
    first = asyncio.create_task(world.client(ADA).say("use text messages"))
    await eventually(lambda: gate.waiting)
    second = asyncio.create_task(world.client(ADA).say("use calls to my office"))
    gate.open()
    await asyncio.gather(first, second)

    assert "voiceOffice" == world.default_of(ADA)
    (last,) = world.rows("SELECT before FROM audit WHERE kind = 'intent' ORDER BY seq DESC LIMIT 1")
    assert '"sms"' in last["before"]


@pytest.mark.parametrize("signed_in", [True, False])
async def test_a_change_that_waits_for_its_turn_is_not_made_after_a_sign_out(world: World, signed_in: bool) -> None:
    """It is behind a slow one, typed or after a sign-in: the slow one ends as it may, the other is not begun."""
    gate = Gate()
    if signed_in:
        await world.ask(ADA, "show my methods")
        world.sandbox.faults.add(graph("PATCH"), gate)
        asking: list[asyncio.Task[Any]] = [asyncio.create_task(world.client(ADA).say("use text messages"))]
        await eventually(lambda: gate.waiting)
        asking.append(asyncio.create_task(world.client(ADA).say("use calls to my office")))
    else:
        cards = [await silent_card(world, ADA, text) for text in ("use text messages", "use calls to my office")]
        world.sandbox.faults.add(graph("PATCH"), gate)
        asking = [asyncio.create_task(exchange(world, ADA, cards[0]["tokenExchangeResource"]["id"], sso(world, ADA)))]
        await eventually(lambda: gate.waiting)
    await eventually(lambda: world.count("commands", "state = 'working'") == 2)

    assert "I have forgotten your sign-in" in await world.read(ADA, "sign out")
    gate.open()
    await asyncio.gather(*asking)
    await eventually(lambda: any("Changed:" in text for text in visible_cards(world)))

    world.client(ADA).endpoints = 1
    assert "Changed: text message → one-time code." in await world.read(ADA, "set my default to oath")
    assert ("oath", 2) == (world.default_of(ADA), world.patches())


async def test_a_change_under_way_is_not_signed_in_for_after_a_sign_out(world: World) -> None:
    """Graph does not take its token any more, and the person has signed out meanwhile: so it ends there."""
    await world.ask(ADA, "show my methods")
    gate = Gate()

    async def refuse(call: Call) -> Answer:
        await gate(call)
        return Answer(401)

    world.sandbox.faults.add(graph("PATCH"), refuse)
    asking = asyncio.create_task(world.client(ADA).say("use text messages"))
    await eventually(lambda: gate.waiting)
    await world.ask(ADA, "sign out")
    cards = len(sign_in_cards(world))
    gate.open()
    await asking
    await eventually(lambda: world.outcomes() == ["refused"])

    assert "Your default sign-in method" in await world.read(ADA, "show my methods")
    assert (cards + 1, "voiceMobile", 1) == (len(sign_in_cards(world)), world.default_of(ADA), world.patches())


async def test_without_entras_keys_nobody_is_signed_in(start: Start, sandbox: Sandbox) -> None:
    """Fail closed: a token that can't be checked is not used; the person is told to try again, and later it works."""
    sandbox.faults.add(_entra_keys(), Answer(503), times=None)
    async with start() as world:
        assert "Microsoft is not answering right now" in await world.read(ADA, "show my methods")
        assert 0 == len(world.tokens)
        sandbox.faults.clear()
        assert "Your default sign-in method" in await world.read(ADA, "show my methods")
