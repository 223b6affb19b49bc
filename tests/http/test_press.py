"""Buttons: once only, for one person, in time, and the card changes in place."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.mfa import DefaultMethod, Oid, Person, TenantId
from bot.store import ActionIds
from sandbox import Answer, ChatMessage, PostResult, StepUp
from sandbox.faults import connector, graph, token
from sandbox.teams import buttons, card_text
from tests.conftest import ADA, GRACE, KATHERINE, Start, World, eventually
from tests.database import execute
from tests.http.signing_in import sign_in_card


async def _press(world: World, oid: str, action: dict[str, Any], reply_to: str | None = None) -> PostResult:
    """Deliver one press without showing its answer, as a repeating client would."""
    channel = world.sandbox.teams.channel
    value = {"action": action, "trigger": "manual"}
    person = world.sandbox.tenant.people[oid]
    return await channel.post(channel.invoke(person, "adaptiveCard/action", value, replyToId=reply_to))


def _shown(result: PostResult) -> str:
    """The text of the card in an answer."""
    return card_text(result.body["value"])


async def _card(world: World, oid: str = ADA) -> ChatMessage:
    return await world.ask(oid, "show my methods")


async def test_a_press_changes_the_default_and_replaces_the_card(world: World) -> None:
    """The card in the chat is replaced by one with before and after, and is the same message."""
    card = await _card(world)
    count = len(world.client(ADA).messages)

    result = await world.client(ADA).press(card, "Use text messages")

    assert (result.status, result.body["statusCode"]) == (200, 200)
    after = world.client(ADA).message(card.id)
    assert "Changed: Authenticator notification → text message." in after.visible_text
    assert ("sms", count) == (world.default_of(ADA), len(world.client(ADA).messages))


async def test_refresh_reads_again(world: World) -> None:
    """Refresh shows what was changed elsewhere, and writes nothing."""
    card = await _card(world)
    world.sandbox.tenant.people[ADA].set_default("sms")

    await world.client(ADA).press(card, "Refresh")

    shown = world.client(ADA).message(card.id).visible_text
    assert "✓ Enter a code from a text message" in shown
    assert world.patches() == 0


async def test_fifty_presses_at_once_write_once(world: World) -> None:
    """Rule 4: one PATCH, one intent, one outcome, and every delivery shows the same result."""
    card = await _card(world)
    action = buttons(card.card or {})["Use text messages"]

    results = await asyncio.gather(*(_press(world, ADA, action, card.id) for _ in range(50)))

    assert {_without_ids(result.body["value"]) for result in results} == {_without_ids(results[0].body["value"])}
    assert "Changed: Authenticator notification → text message." in _shown(results[0])
    assert world.patches() == 1
    assert ["intent", "outcome"] == [row["kind"] for row in world.rows("SELECT kind FROM audit ORDER BY seq")]


async def test_a_late_repetition_shows_the_same_result(world: World) -> None:
    """The same press again, minutes later: nothing is written, and the answer is the result of the first."""
    card = await _card(world)
    action = buttons(card.card or {})["Use text messages"]
    await _press(world, ADA, action)

    again = await _press(world, ADA, action)

    assert "Changed: Authenticator notification → text message." in _shown(again)
    assert world.patches() == 1


async def test_a_late_repetition_of_a_change_that_does_not_show_yet_is_no_failure(world: World) -> None:
    """Rule 6: Graph accepted it but its reads lag behind, also when the press comes again."""
    card = await _card(world)
    action = buttons(card.card or {})["Use text messages"]
    world.sandbox.tenant.people[ADA].stale_reads = 100

    shown = [_shown(await _press(world, ADA, action)) for _ in range(2)]

    assert ["Microsoft accepted it but does not show it yet." in text for text in shown] == [True, True]
    assert world.patches() == 1


async def test_a_late_repetition_of_a_refused_press_shows_the_refusal(world: World) -> None:
    """The same press again says again what Graph said, and does not ask it once more."""
    card = await _card(world)
    action = buttons(card.card or {})["Use text messages"]
    world.sandbox.faults.add(graph("PATCH"), Answer(400, body={"error": {"code": "badRequest"}}))

    shown = [_shown(await _press(world, ADA, action)) for _ in range(2)]

    assert ["Microsoft did not accept this method" in text for text in shown] == [True, True]
    assert world.patches() == 1


async def test_a_press_on_a_token_that_graph_refuses_signs_in_and_goes_on(world: World) -> None:
    """401 at the PATCH: the press is carried out after the sign-in, once, and a repetition shows its result."""
    card = await _card(world)
    action = buttons(card.card or {})["Use text messages"]
    world.sandbox.faults.add(graph("PATCH"), Answer(401))

    await world.client(ADA).press(card, "Use text messages")
    await eventually(lambda: "Changed:" in world.client(ADA).message(card.id).visible_text)

    assert "Changed: Authenticator notification → text message." in _shown(await _press(world, ADA, action))
    assert ("sms", 2) == (world.default_of(ADA), world.patches())


async def test_the_same_press_on_two_instances_shows_the_same_result(
    start: Start, pace: Any, postgresql_url: str
) -> None:
    """Rule 4: the second process waits for the first and shows what came of it; one PATCH in all."""
    waiting = pace(duplicate_wait_s=2.0, duplicate_poll_s=0.02, press_answer_s=3.0, turn_limit_s=4.0)
    async with start(pace=waiting, database_url=postgresql_url) as world:
        card = await _card(world)
        action = buttons(card.card or {})["Use text messages"]
        under_way, go_on = asyncio.Event(), asyncio.Event()

        async def hold(_call: object) -> None:
            under_way.set()
            await asyncio.wait_for(go_on.wait(), 5)

        world.sandbox.faults.add(graph("PATCH"), hold)
        first = asyncio.create_task(_press(world, ADA, action))
        await under_way.wait()
        async with start(pace=waiting, database_url=postgresql_url) as other:
            await _card(other)
            second = asyncio.create_task(_press(other, ADA, action))
            go_on.set()
            results = [await first, await second]

    assert {"Changed: Authenticator notification → text message." in _shown(result) for result in results} == {True}
    assert world.patches() == 1


async def test_two_wishes_of_one_person_do_not_cross(world: World) -> None:
    """A press and a message at the same moment are carried out one after the other: the same wish writes once."""
    card = await _card(world)
    action = buttons(card.card or {})["Use text messages"]

    await asyncio.gather(_press(world, ADA, action), world.client(ADA).say("use text messages"))

    assert ("sms", 1) == (world.default_of(ADA), world.patches())


async def test_a_card_that_can_not_be_replaced_gets_a_message_instead(start: Start, pace: Any) -> None:
    """The result of a slow press is never lost with the card that should have shown it."""
    async with start(pace=pace(press_answer_s=0.05)) as world:
        card = await _card(world)

        async def hold(_call: object) -> None:
            await _working_on_it(world, card)

        world.sandbox.faults.add(graph("PATCH"), hold)
        world.sandbox.faults.add(connector("PUT"), Answer(404))

        await world.client(ADA).press(card, "Use text messages")

        result = await world.client(ADA).next_bot_card(after=card)
        assert "Changed:" in result.visible_text


async def test_a_press_whose_silent_sign_in_fails_goes_on_after_the_page(start: Start, pace: Any) -> None:
    """A card that promised a result shows it in the end, also if the person has to act to sign in first."""
    async with start(pace=pace(press_answer_s=0.05)) as world:
        card = await _card(world)

        async def refuse_later(_call: object) -> Answer:
            await _working_on_it(world, card)
            return Answer(401)

        world.sandbox.faults.add(graph("POST", "$batch"), refuse_later)
        wanted = Answer(400, body={"error": "interaction_required", "error_codes": [50076]})
        world.sandbox.faults.add(token("jwt-bearer"), wanted, times=None)
        await world.client(ADA).press(card, "Use text messages")

        await world.client(ADA).sign_in(await sign_in_card(world))

        await eventually(lambda: "Changed:" in world.client(ADA).message(card.id).visible_text)


async def _working_on_it(world: World, card: ChatMessage) -> None:
    """Return once the press has been answered by the card that asks for patience."""
    await eventually(lambda: "Working on it" in world.client(ADA).message(card.id).visible_text)


async def test_a_repetition_while_graph_is_away_denies_nothing(world: World) -> None:
    """Rule 6: the change was made; that its result can't be read now does not become "nothing was changed"."""
    card = await _card(world)
    action = buttons(card.card or {})["Use text messages"]
    await _press(world, ADA, action)
    world.sandbox.faults.add(graph("POST", "$batch"), Answer(503), times=None)

    shown = _shown(await _press(world, ADA, action))

    assert "I have asked Microsoft for this already" in shown
    assert "Nothing was changed" not in shown


async def test_presses_that_need_a_sign_in_write_once(world: World) -> None:
    """Rule 4: the same press five times without a token: whatever sign-ins that takes, one PATCH and one record."""
    card = await _card(world)
    action = buttons(card.card or {})["Use text messages"]
    world.sign_out(ADA)

    await asyncio.gather(*(_press(world, ADA, action, card.id) for _ in range(5)))
    await eventually(lambda: "Changed:" in world.client(ADA).message(card.id).visible_text)
    await world.sandbox.teams.idle()

    assert ("sms", 1) == (world.default_of(ADA), world.patches())
    assert 1 == world.count("audit", "kind = 'intent'")


async def test_another_button_of_a_spent_card_is_outdated(world: World) -> None:
    """A card is spent as a whole: its other buttons change nothing and get the fresh state."""
    card = await _card(world)
    await _press(world, ADA, buttons(card.card or {})["Use text messages"])

    other = await _press(world, ADA, buttons(card.card or {})["Use one-time codes"])

    assert "That card is out of date" in _shown(other)
    assert (world.default_of(ADA), world.patches()) == ("sms", 1)


async def test_a_button_survives_a_restart_of_the_bot(start: Start) -> None:
    """Cards outlive the process: another process on the same database knows its buttons, spent and unspent."""
    async with start() as world:
        first, second = await _card(world), await _card(world)
        unspent = buttons(second.card or {})["Use one-time codes"]
        await world.client(ADA).press(first, "Use text messages")
    async with start() as world:
        again = await world.client(ADA).press(first, buttons(first.card or {})["Use text messages"])
        assert again.body["value"] == "One moment: I have to sign you in first. If a button appears, please press it."
        await eventually(lambda: "Changed" in world.client(ADA).message(first.id).visible_text)
        await world.client(ADA).press(second, unspent)
    assert (world.default_of(ADA), world.patches()) == ("oath", 2)


async def test_a_press_without_a_token_signs_in_and_then_replaces_the_card(world: World) -> None:
    """The press is remembered over the sign-in, carried out once, and its card shows the result."""
    card = await _card(world)
    world.sign_out(ADA)

    result = await world.client(ADA).press(card, "Use text messages")

    assert result.body["type"] == "application/vnd.microsoft.activity.message"
    await eventually(lambda: "Changed" in world.client(ADA).message(card.id).visible_text)
    assert (world.default_of(ADA), world.patches()) == ("sms", 1)


async def test_somebody_elses_button_does_nothing(world: World) -> None:
    """Rule 4: a button is bound to the person it was made for, whoever sends its data."""
    card = await _card(world, ADA)
    await _card(world, GRACE)

    result = await _press(world, GRACE, buttons(card.card or {})["Use one-time codes"])

    assert "I don't know this button" in _shown(result)
    assert (world.default_of(ADA), world.default_of(GRACE), world.patches()) == ("push", "push", 0)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"action": None},
        {"action": 5},
        {"action": ""},
        {"action": "A" * 10_000},
        {"action": "x", "oid": GRACE, "method": "sms"},
        {"method": "sms"},
        [],
        "sms",
    ],
    ids=lambda data: str(data)[:30],
)
async def test_made_up_card_data_does_nothing(world: World, data: object) -> None:
    """Rule 4: card data is untrusted; whatever it says, only an id that we made counts."""
    await _card(world)

    result = await _press(world, ADA, {"type": "Action.Execute", "verb": "setDefault", "data": data})

    assert (result.status, result.body["statusCode"]) == (200, 200)
    assert "I don't know this button" in _shown(result)
    assert world.patches() == 0


@pytest.mark.parametrize("value", [None, [], "x", {"action": None}, {"action": []}, {"action": {"verb": "rm"}}, {}])
async def test_a_malformed_press_is_answered(world: World, value: object) -> None:
    """A press without a proper action gets a card with a sentence, never a 500."""
    channel = world.sandbox.teams.channel
    invoke = channel.invoke(world.sandbox.tenant.people[ADA], "adaptiveCard/action", {})
    invoke["value"] = value
    result = await channel.post(invoke)

    assert (result.status, result.body["statusCode"]) == (200, 200)
    assert "I don't know this button" in _shown(result)


async def test_a_press_outside_the_personal_chat_shows_nothing(world: World) -> None:
    """Rule 8: a card that was carried into a group answers with a pointer to the personal chat."""
    card = await _card(world)
    channel = world.sandbox.teams.channel
    value = {"action": buttons(card.card or {})["Use text messages"]}
    invoke = channel.invoke(world.sandbox.tenant.people[ADA], "adaptiveCard/action", value)
    invoke["conversation"]["conversationType"] = "groupChat"

    result = await channel.post(invoke)

    assert "personal chat" in result.body["value"]
    assert world.patches() == 0


async def test_the_state_is_read_again_before_a_write(world: World) -> None:
    """Rule 4: what the card promised is checked anew: a phone that is gone by now is not sent to Graph."""
    card = await _card(world, KATHERINE)
    person = world.sandbox.tenant.people[KATHERINE]
    person.methods[:] = [row for row in person.methods if row.get("phoneType") != "mobile"]

    await world.client(KATHERINE).press(card, "Use text messages")

    assert "I can't make this your default" in world.client(KATHERINE).message(card.id).visible_text
    assert world.patches() == 0


async def test_a_slow_press_is_answered_in_time_and_finished_later(start: Start, pace: Any) -> None:
    """Rule 10: within the limit comes a "working on it" card; when the work is done the card shows the result."""
    async with start(pace=pace(press_answer_s=0.1)) as world:
        card = await _card(world)
        release = asyncio.Event()

        async def hold(_call: object) -> None:
            await asyncio.wait_for(release.wait(), 5)

        world.sandbox.faults.add(graph("PATCH"), hold)

        await world.client(ADA).press(card, "Use text messages")
        assert "Working on it" in world.client(ADA).message(card.id).visible_text
        release.set()

        await eventually(lambda: "Changed:" in world.client(ADA).message(card.id).visible_text)
        assert (world.default_of(ADA), world.patches()) == ("sms", 1)


async def test_an_expired_button_changes_nothing(world: World) -> None:
    """Buttons live ten minutes; after that a press shows the fresh state."""
    await _card(world)
    (row,) = world.rows("SELECT key FROM server_keys")
    eleven_minutes_ago = ActionIds(row["key"], clock=lambda: time.time() - 660)
    old = eleven_minutes_ago.mint(_person(world, ADA), Oid(ADA), [DefaultMethod.SMS])

    pressed = {"type": "Action.Execute", "verb": "setDefault", "data": {"action": old.ids[DefaultMethod.SMS]}}
    result = await _press(world, ADA, pressed)

    assert "That card is out of date" in _shown(result)
    assert world.patches() == 0


@pytest.mark.parametrize(
    ("pressed_s_ago", "told", "default"), [(90, "Changed:", "sms"), (30, "That card is out of date", "push")]
)
async def test_a_button_that_was_pressed_in_time_goes_on_after_a_long_sign_in(
    world: World, pressed_s_ago: float, told: str, default: str
) -> None:
    """Its ten minutes ended a minute ago, while the person was on Entra's page: what counts is when it was pressed."""
    card = await _card(world)
    world.sandbox.situations.switch_on(StepUp(), ADA)
    await world.client(ADA).press(card, "Use text messages")
    asked = await sign_in_card(world)
    (row,) = world.rows("SELECT key FROM server_keys")
    over = ActionIds(row["key"], clock=lambda: time.time() - 660).mint(
        _person(world, ADA), Oid(ADA), [DefaultMethod.SMS]
    )
    command = json.dumps({"kind": "press", "action_id": over.ids[DefaultMethod.SMS]})
    pressed = f"{datetime.now(UTC) - timedelta(seconds=pressed_s_ago):%Y-%m-%d %H:%M:%S.%f}"
    passed = f"UPDATE commands SET command = '{command}', said_at_utc = '{pressed}'"  # noqa: S608
    await asyncio.to_thread(execute, world.database_url, passed)

    await world.client(ADA).sign_in(asked)

    await eventually(lambda: told in world.client(ADA).message(card.id).visible_text)
    assert default == world.default_of(ADA)


async def test_what_the_organisation_does_not_want_has_no_button(start: Start) -> None:
    """ALLOWED_METHODS: other methods are greyed out with the reason, and a sentence for them changes nothing."""
    async with start(allowed_methods="push,oath") as world:
        card = (await _card(world)).card or {}
        assert "Not allowed by your organisation: call to mobile phone, call to second mobile phone" in card_text(card)
        assert "Use text messages" not in buttons(card)

        assert "I can't make this your default" in await world.read(ADA, "use sms")
        assert world.patches() == 0


async def test_read_only_stops_every_write_and_says_so(start: Start) -> None:
    """READ_ONLY: cards still show, without buttons, and old buttons change nothing."""
    async with start() as world:
        old = await _card(world)
    async with start(read_only=True) as world:
        text = await world.read(ADA, "set my default MFA to oath")
        assert "Changes are switched off for now." in text
        await world.client(ADA).press(old, "Use text messages")
        assert "Changes are switched off" in world.client(ADA).message(old.id).visible_text
    assert (world.default_of(ADA), world.patches()) == ("push", 0)


def _without_ids(card: dict[str, Any]) -> str:
    """The card as text, without the buttons' ids: each rendering mints new ones."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if key != "data"}
        return [strip(item) for item in value] if isinstance(value, list) else value

    return json.dumps(strip(card), sort_keys=True)


def _person(world: World, oid: str) -> Person:
    return Person(Oid(oid), TenantId(world.sandbox.tenant.tenant_id))
