"""What Graph says held against what is on record: other instances, reads that lag behind, answers that never came.

Rule 6: never a false success, nor "nothing was changed" where something was.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from bot.settings import Pace
from sandbox import Answer
from sandbox.faults import Call, graph
from sandbox.teams import buttons
from tests.conftest import ADA, Start, World, eventually

MakePace = Callable[..., Pace]


pytestmark = pytest.mark.usefixtures("nobody_steps_down")


@pytest.fixture
async def two(start: Start, pace: MakePace, postgresql_url: str) -> AsyncIterator[tuple[World, World]]:
    """Two instances that wait long for each other; what people say reaches the one that started last."""
    waiting = pace(duplicate_wait_s=2.0, press_answer_s=3.0, turn_limit_s=4.0)
    async with (
        start(pace=waiting, database_url=postgresql_url) as one,
        start(pace=waiting, database_url=postgresql_url) as other,
    ):
        yield one, other


class Gate:
    """Holds a call to Graph until it is opened."""

    def __init__(self) -> None:
        self.held = asyncio.Event()
        self._opened = asyncio.Event()

    async def __call__(self, _call: Call) -> None:
        """Hold it."""
        self.held.set()
        await asyncio.wait_for(self._opened.wait(), 5)

    def open(self) -> None:
        """Let it go on."""
        self._opened.set()


def _befores(world: World) -> list[str]:
    rows = world.rows("SELECT before FROM audit WHERE kind = 'intent' ORDER BY seq")
    return [json.loads(row["before"])["userpreferredmethodforsecondaryauthentication"] for row in rows]


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_retry_that_is_refused_denies_nothing(world: World, status: int) -> None:
    """The first try has taken although its answer was 504; that the second is refused does not undo it."""
    await world.ask(ADA, "show my methods")
    people = world.sandbox.tenant.people

    async def take_and_break(_call: Call) -> Answer:
        people[ADA].set_default("sms")
        return Answer(504)

    world.sandbox.faults.add(graph("PATCH"), take_and_break)
    world.sandbox.faults.add(graph("PATCH"), Answer(status, body={"error": {"code": "accessDenied"}}))

    text = await world.read(ADA, "use text messages")

    assert "Nothing was changed" not in text
    assert "Changed: call to mobile phone → text message." in text
    assert ["confirmed"] == world.outcomes()
    assert "Changed back: text message → call to mobile phone." in await world.read(ADA, "undo")


async def test_a_change_of_another_instance_since_the_state_was_read_is_not_overlooked(
    two: tuple[World, World],
) -> None:
    """The state is read anew, so what is on record before is what was, and undo puts that back."""
    one, other = two
    await other.ask(ADA, "show my methods")
    gate = Gate()
    # The preferences are read, and then the answer takes its time.
    other.sandbox.faults.add(graph("GET", "methods"), gate)
    slow = asyncio.create_task(other.client(ADA).say("use calls to my office"))
    await gate.held.wait()
    one.sandbox.connect_bot(f"{one.bot_url}/api/messages")
    await one.ask(ADA, "use text messages")
    gate.open()
    await slow
    await eventually(lambda: one.default_of(ADA) == "voiceOffice")
    await eventually(lambda: len(one.outcomes()) == 2)

    assert ["voiceMobile", "sms"] == _befores(one)
    assert "Changed back: call to office phone → text message." in await one.read(ADA, "undo")


async def test_a_second_change_while_reads_lag_behind_starts_from_the_first(world: World) -> None:
    """Card, record and undo know what Graph has accepted, not what it still shows."""
    world.sandbox.tenant.people[ADA].stale_reads = 4
    assert "does not show it yet" in await world.read(ADA, "use text messages")

    assert "Changed: text message → call to office phone." in await world.read(ADA, "use calls to my office")
    assert ["voiceMobile", "sms"] == _befores(world)
    assert "Changed back: call to office phone → text message." in await world.read(ADA, "undo")


async def test_the_old_default_is_not_called_current_while_another_instance_changes_it(
    two: tuple[World, World],
) -> None:
    """The later wish waits for the earlier one, and is carried out."""
    one, other = two
    await other.ask(ADA, "show my methods")
    one.sandbox.connect_bot(f"{one.bot_url}/api/messages")
    await one.ask(ADA, "show my methods")
    gate = Gate()
    one.sandbox.faults.add(graph("PATCH"), gate)
    first = asyncio.create_task(one.client(ADA).say("use text messages"))
    await gate.held.wait()
    one.sandbox.connect_bot(f"{other.bot_url}/api/messages")
    second = asyncio.create_task(other.client(ADA).say("use calls to my mobile"))
    await eventually(lambda: other.count("commands", "state = 'working'") == 2)
    gate.open()
    await asyncio.gather(first, second)
    await eventually(lambda: len(one.outcomes()) == 2)

    assert ("voiceMobile", ["voiceMobile", "sms"]) == (one.default_of(ADA), _befores(one))


@pytest.mark.parametrize("text", ["use calls to my mobile", "undo"])
async def test_the_old_default_is_made_sure_of_when_nobody_knows(world: World, text: str) -> None:
    """A change without a clear answer may have taken; who wants the old default back gets it, whatever reads say."""
    await world.ask(ADA, "show my methods")
    faults, people = world.sandbox.faults, world.sandbox.tenant.people

    async def take_and_break(_call: Call) -> Answer:
        people[ADA].set_default("sms")
        # It can't be read back, and the next read still shows what was before.
        faults.add(graph("GET", "signInPreferences"), Answer(500), times=3)
        outdated = {"userPreferredMethodForSecondaryAuthentication": "voiceMobile"}
        faults.add(graph("GET", "signInPreferences"), Answer(200, body=outdated))
        return Answer(500)

    faults.add(graph("PATCH"), take_and_break)
    assert "I can't say whether it worked" in await world.read(ADA, "use text messages")

    await world.ask(ADA, text)

    assert "voiceMobile" == world.default_of(ADA)


@pytest.mark.parametrize("text", ["use calls to my mobile", "undo"])
async def test_a_guess_is_neither_put_on_record_nor_offered_to_undo(world: World, text: str) -> None:
    """What may have taken and never did was never the default: it is sent again, but nothing is put back from it."""
    await world.ask(ADA, "show my methods")
    world.sandbox.faults.add(graph("PATCH"), Answer(500))
    assert "I can't say whether it worked" in await world.read(ADA, "use text messages")

    card = await world.ask(ADA, text)

    assert "Set once more, to make sure: call to mobile phone." in card.visible_text
    assert "Undo" not in buttons(card.card or {})
    assert (["voiceMobile", "voiceMobile"], 2) == (_befores(world), world.patches())
    assert "There is nothing to undo. This is already your default: call to mobile phone" in await world.read(
        ADA, "undo"
    )
    assert ("voiceMobile", 2) == (world.default_of(ADA), world.patches())


async def test_a_press_whose_change_another_instance_has_made_says_so(start: Start, postgresql_url: str) -> None:
    """Not "nothing to do": the same press shows the same result wherever it arrives."""
    async with start(database_url=postgresql_url) as one:
        card = await one.ask(ADA, "show my methods")
        async with start(database_url=postgresql_url) as other:
            await other.ask(ADA, "show my methods")
            await one.sandbox.teams.idle()
            await other.client(ADA).press(card, "Use text messages")
            one.sandbox.connect_bot(f"{one.bot_url}/api/messages")
            await one.client(ADA).press(card, buttons(card.card or {})["Use text messages"])

        assert "Changed: call to mobile phone → text message." in one.client(ADA).message(card.id).visible_text
        assert 1 == one.patches()


async def test_what_was_changed_elsewhere_a_moment_ago_is_not_called_current(world: World) -> None:
    """Accepted here, then changed on the Security info page: who asks for it again gets it, not "already"."""
    people = world.sandbox.tenant.people
    people[ADA].stale_reads = 4
    assert "does not show it yet" in await world.read(ADA, "use text messages")
    people[ADA].stale_reads = 0
    people[ADA].set_default("voiceMobile")

    await world.ask(ADA, "use text messages")

    assert ("sms", 2) == (world.default_of(ADA), world.patches())


async def test_an_outdated_read_confirms_nothing(world: World) -> None:
    """The old default is asked for while reads still show it, and no clear answer comes: nobody can say."""
    people = world.sandbox.tenant.people
    people[ADA].stale_reads = 50
    assert "does not show it yet" in await world.read(ADA, "use text messages")
    world.sandbox.faults.add(graph("PATCH"), Answer(500))

    assert "I can't say whether it worked" in await world.read(ADA, "use calls to my mobile")
    assert ["accepted", "unknown"] == world.outcomes()
