"""How cards live in a chat: a step down is asked about once, an old card says that it is old, and languages."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from bot.mfa import DefaultMethod
from sandbox import Answer, ChatMessage
from sandbox.faults import connector, graph
from sandbox.teams import buttons, card_text
from tests.conftest import ADA, GRACE, NORA, Start, World, eventually
from tests.database import execute
from tests.http.test_slowness import Gate

HIDEKI, KONRAD = "41dec100-0000-4000-8000-000000000011", "c0a4ad00-0000-4000-8000-000000000006"
_QUESTION = "Your current default protects you better: **Authenticator notification**."


# A step down


async def test_a_step_down_is_asked_about_and_a_yes_agrees(world: World) -> None:
    """From the app to text messages: nothing is sent before the person has said yes."""
    asked = await world.ask(ADA, "use text messages")
    assert _QUESTION in asked.visible_text
    assert "If so, write **yes** or press **Use text messages** below." in asked.visible_text
    assert ["yes", "no"] == [action["value"] for action in asked.suggested_actions]
    assert (0, "push") == (world.patches(), world.default_of(ADA))

    assert "Changed: Authenticator notification → text message." in await world.read(ADA, "yes")
    assert (1, "sms") == (world.patches(), world.default_of(ADA))


@pytest.mark.parametrize("answer", ["use text messages", "set my default MFA to sms"])
async def test_the_same_once_more_is_a_yes(world: World, answer: str) -> None:
    """Who insists is not asked a second time."""
    await world.ask(ADA, "use text messages")

    assert "Changed:" in await world.read(ADA, answer)


async def test_a_no_leaves_everything(world: World) -> None:
    """And a later yes agrees to nothing any more."""
    await world.ask(ADA, "use text messages")
    assert "I leave everything as it is." in await world.read(ADA, "no")

    assert "Changed:" not in await world.read(ADA, "yes")
    assert (0, "push") == (world.patches(), world.default_of(ADA))


async def test_another_step_down_is_asked_about_again(world: World) -> None:
    """A yes to the one is none to the other."""
    await world.ask(ADA, "use text messages")

    assert _QUESTION in await world.read(ADA, "use calls to my office")
    assert 0 == world.patches()


async def test_the_button_of_the_question_needs_no_second_yes(world: World) -> None:
    """The card has said what it means."""
    asked = await world.ask(ADA, "use text messages")

    pressed = await world.client(ADA).press(asked, "Use text messages")

    assert "Changed:" in card_text(pressed.body["value"])


@pytest.mark.parametrize("text", ["use one-time codes", "use notifications"])
async def test_a_step_up_or_sideways_is_made_at_once(world: World, text: str) -> None:
    """Only a step down is asked about."""
    world.sandbox.tenant.people[ADA].set_default("sms")
    assert "Changed:" in await world.read(ADA, text)


async def test_the_fallback_of_a_wish_is_asked_about_as_well(world: World) -> None:
    """What counts is the method that it would become."""
    ada = world.sandbox.tenant.people[ADA]
    ada.methods[:] = [row for row in ada.methods if row.get("phoneType") != "mobile"]

    assert _QUESTION in await world.read(ADA, "use sms, otherwise use calls to my office")
    assert "call to office phone" in await world.read(ADA, "yes")
    assert "voiceOffice" == world.default_of(ADA)


async def test_what_waits_for_a_sign_in_is_asked_about_after_it(world: World) -> None:
    """The question comes with the answer, and the yes to it counts."""
    world.sign_out(ADA)
    assert _QUESTION in await world.read(ADA, "use text messages")
    assert "Changed:" in await world.read(ADA, "yes")


async def test_a_yes_agrees_to_what_the_newest_card_asks(world: World) -> None:
    """Not to an earlier question whose answer came late."""
    await world.ask(ADA, "use text messages")
    await world.ask(ADA, "I think I want calls to my office")

    asked = await world.read(ADA, "yes")

    assert "Shall I make this your default anyway: call to office phone?" in asked
    assert (0, "push") == (world.patches(), world.default_of(ADA))


async def test_a_yes_to_did_you_mean_is_none_to_a_step_down(world: World) -> None:
    """That question has not said that the method protects less; so this one is asked as well, and once."""
    assert "Did you mean: text message?" in await world.read(ADA, "I think I want sms")
    assert _QUESTION in await world.read(ADA, "yes")
    assert "Changed:" in await world.read(ADA, "yes")


async def test_the_fallback_said_once_more_is_a_yes(world: World) -> None:
    """What was asked about is what it would become."""
    ada = world.sandbox.tenant.people[ADA]
    ada.methods[:] = [row for row in ada.methods if row.get("phoneType") != "mobile"]
    wish = "use sms, otherwise call my office phone"

    assert _QUESTION in await world.read(ADA, wish)
    assert "call to office phone" in await world.read(ADA, wish)
    assert "voiceOffice" == world.default_of(ADA)


async def test_a_default_that_is_gone_is_not_called_the_better_one(world: World) -> None:
    """Who has lost the phone with the app may choose what is left without being warned."""
    ada = world.sandbox.tenant.people[ADA]
    ada.methods[:] = [row for row in ada.methods if "phoneType" in row]

    assert "Changed:" in await world.read(ADA, "use text messages")


@pytest.mark.parametrize(
    ("text", "yes"), [("usar mensagens de texto", "sim"), ("gebruik sms", "ja"), ("SMSにして", "はい")]
)
async def test_an_offered_answer_is_understood_whatever_the_clients_language(world: World, text: str, yes: str) -> None:
    """The question remembers in which language it was asked."""
    asked = await world.ask(ADA, text)
    assert yes == asked.suggested_actions[0]["value"]

    answered = await world.ask(ADA, yes)

    assert "sms" == world.default_of(ADA)
    assert (asked.card or {})["lang"] == (answered.card or {})["lang"]


async def test_what_is_delivered_twice_is_answered_once(world: World) -> None:
    """Also what changes nothing."""
    await world.ask(ADA, "show my methods")
    before = len(world.client(ADA).messages)
    activity = world.sandbox.teams.activity(world.sandbox.tenant.people[ADA], text="help")
    for _ in range(3):
        await world.sandbox.teams.post(activity)
    await world.sandbox.teams.idle()

    assert before + 1 == len(world.client(ADA).messages)


async def test_a_change_that_is_not_shown_yet_is_not_denied(world: World) -> None:
    """Graph's reads lag behind: neither a look nor Refresh calls the old default the current one."""
    world.sandbox.tenant.people[ADA].stale_reads = 100
    card = await world.ask(ADA, "use one-time codes")
    assert "does not show it yet" in card.visible_text

    pressed = await world.client(ADA).press(card, "Refresh")

    assert "✓ Enter a one-time code" in card_text(pressed.body["value"])
    assert "✓ Enter a one-time code" in await world.read(ADA, "show my methods")


async def test_a_look_that_began_before_a_change_does_not_show_what_was(world: World) -> None:
    """What was read meanwhile is read anew; so the newest card is a true one."""
    await world.ask(ADA, "show my methods")
    gate = Gate()
    world.sandbox.faults.add(graph("GET", "methods"), gate, times=1)
    looking = asyncio.create_task(world.client(ADA).say("show my methods"))
    await eventually(lambda: gate.waiting)

    await world.ask(ADA, "use one-time codes")
    gate.open()
    await looking
    await world.sandbox.teams.idle()

    assert "✓ Enter a one-time code" in world.client(ADA).messages[-1].visible_text


async def test_looking_works_without_records(world: World) -> None:
    """After a change the records are asked what Graph may not show yet; where they are away, Graph alone has to do."""
    await world.ask(ADA, "use one-time codes")
    execute(world.database_url, "ALTER TABLE audit RENAME TO gone")

    assert "✓ Enter a one-time code" in await world.read(ADA, "show my methods")


async def test_a_late_mark_does_not_overwrite_a_result(world: World) -> None:
    """Teams takes its time to mark a card as old, and meanwhile one of its buttons is pressed: that result stays."""
    first = await world.ask(ADA, "show my methods")
    world.sandbox.faults.add(connector("PUT", first.id), Answer(429, {"Retry-After": "0.3"}), times=1)
    second = await world.ask(ADA, "show my methods")

    await world.client(ADA).press(world.client(ADA).message(first.id), "Use one-time codes")
    await out_of_date(world, second)
    await eventually(lambda: len(world.sandbox.faults.seen(connector("PUT", first.id))) > 1)

    await eventually(lambda: "Changed:" in world.client(ADA).message(first.id).visible_text)
    assert "out of date" not in world.client(ADA).message(first.id).visible_text


async def test_a_promised_result_that_needs_a_sign_in_says_so(world: World) -> None:
    """The card that asked for patience does not go on promising what comes as another card."""
    card = await world.ask(ADA, "show my methods")
    gate = Gate()

    async def challenge(call: Any) -> Answer:
        await gate(call)
        return Answer(401)

    world.sandbox.faults.add(graph("PATCH"), challenge, times=1)
    world.client(ADA).sso_enabled = False
    pressed = await world.client(ADA).press(card, "Use text messages")
    assert "This is taking a little longer." in card_text(pressed.body["value"])
    gate.open()

    await eventually(lambda: "I have to sign you in first" in world.client(ADA).message(card.id).visible_text)


async def test_undo_stays_on_a_card_that_is_refreshed(world: World) -> None:
    """For its ten minutes, and only while it is about the same default."""
    card = await world.ask(ADA, "use one-time codes")
    await world.client(ADA).press(card, "Refresh")
    await world.client(ADA).press(world.client(ADA).message(card.id), "Refresh")
    assert "Undo" in buttons(world.client(ADA).message(card.id).card or {})

    world.sandbox.tenant.people[ADA].set_default("voiceOffice")
    await world.client(ADA).press(world.client(ADA).message(card.id), "Refresh")
    assert "Undo" not in buttons(world.client(ADA).message(card.id).card or {})


# Old cards


async def out_of_date(world: World, card: ChatMessage) -> ChatMessage:
    """The card, once it says that it is old."""
    await eventually(lambda: "This card is out of date" in world.client(ADA).message(card.id).visible_text)
    return world.client(ADA).message(card.id)


async def test_only_the_newest_card_shows_how_things_are(world: World) -> None:
    """The one before it shrinks to what it told, with a way to look again."""
    first = await world.ask(ADA, "use one-time codes")
    second = await world.ask(ADA, "show my methods")

    old = await out_of_date(world, first)
    assert old.visible_text.startswith("This card is out of date")
    assert "Changed: Authenticator notification → one-time code." in old.visible_text
    assert {"Undo", "Show how things are now"} == set(buttons(old.card or {}))
    assert "You can also choose" in world.client(ADA).message(second.id).visible_text


async def test_the_undo_of_an_old_card_still_works(world: World) -> None:
    """For ten minutes, as on the card when it was new; and it is the newest card then."""
    first = await world.ask(ADA, "use one-time codes")
    second = await world.ask(ADA, "show my methods")

    await world.client(ADA).press(await out_of_date(world, first), "Undo")

    assert (
        "Changed back: one-time code → Authenticator notification." in world.client(ADA).message(first.id).visible_text
    )
    await out_of_date(world, second)
    assert "push" == world.default_of(ADA)


async def test_after_another_change_an_old_card_has_no_undo(world: World) -> None:
    """It would put back something else."""
    first = await world.ask(ADA, "use one-time codes")
    await world.ask(ADA, "use notifications")

    old = await out_of_date(world, first)
    assert {"Show how things are now"} == set(buttons(old.card or {}))


async def test_a_card_that_is_changed_in_place_stays_the_newest(world: World) -> None:
    """Nothing is posted, and nothing is out of date."""
    card = await world.ask(ADA, "show my methods")
    before = len(world.client(ADA).messages)
    for title in ("Use one-time codes", "Use notifications", "Refresh"):
        await world.client(ADA).press(world.client(ADA).message(card.id), title)
    await world.sandbox.teams.idle()

    assert before == len(world.client(ADA).messages)
    assert "out of date" not in world.client(ADA).message(card.id).visible_text


def everything_in(card: Any) -> list[dict[str, Any]]:
    """The objects of a card, shown or not yet."""
    if isinstance(card, dict):
        return [card, *(one for child in card.values() for one in everything_in(child))]
    return [one for child in card for one in everything_in(child)] if isinstance(card, list) else []


async def test_why_a_method_is_closed_is_told_in_a_line_and_in_full_on_demand(world: World) -> None:
    """At a glance the reason; behind a button what it needs and where to get it, so that the card stays short."""
    card = await world.ask(GRACE, "show my methods")
    (toggle,) = [one for one in everything_in(card.card) if one.get("type") == "Action.ToggleVisibility"]
    (more,) = [one for one in everything_in(card.card) if [one.get("id")] == toggle["targetElements"]]

    assert "Not registered: call to mobile phone, call to second mobile phone" in card.visible_text
    assert "Microsoft needs your mobile number" not in card.visible_text
    assert more["isVisible"] is False
    assert "Microsoft needs your mobile number for it. [Register this method" in json.dumps(more)


async def test_who_has_nothing_at_all_sees_at_once_what_to_do(world: World) -> None:
    """Nothing to unfold where registering is all that can be done."""
    card = await world.ask(NORA, "show my methods")
    assert "Microsoft needs your mobile number for it. [Register this method" in card.visible_text


async def test_a_greyed_out_button_only_shows_how_things_are(world: World) -> None:
    """Some clients let it be pressed all the same."""
    card = await world.ask(GRACE, "show my methods")
    (greyed,) = [one for one in everything_in(card.card) if one.get("title") == "Use text messages"]
    assert greyed["isEnabled"] is False

    pressed = await world.client(GRACE).press(card, greyed)

    assert "✓ Approve a notification" in card_text(pressed.body["value"])
    assert 0 == world.patches()


# Languages


async def test_who_writes_german_is_answered_in_german(world: World) -> None:
    """Whatever the client's language is; and a button of the German card is answered in German as well."""
    card = await world.ask(ADA, "zeig mir meine Anmeldemethoden")
    assert "de" == (card.card or {})["lang"]
    title = next(name for name, action in buttons(card.card or {}).items() if action["verb"] == "setDefault")

    pressed = await world.client(ADA).press(card, title)

    assert "de" == pressed.body["value"]["lang"]


async def test_a_client_in_japanese_is_greeted_in_japanese(world: World) -> None:
    """Before anything is written its language decides; the commands are offered in it, too."""
    await world.client(HIDEKI).install()
    card = await world.client(HIDEKI).next_bot_card()
    assert "ja" == (card.card or {})["lang"]
    assert re.search(r"[ぁ-ん]", card.visible_text)

    shown = await world.ask(HIDEKI, card.suggested_actions[0]["value"])

    assert "ja" == (shown.card or {})["lang"]
    assert "push" == world.default_of(HIDEKI)


async def test_an_answer_after_a_sign_in_keeps_the_language(world: World) -> None:
    """The wish remembers in which language it was said."""
    world.sign_out(ADA)

    card = await world.ask(ADA, "utilise les codes à usage unique")

    assert "fr" == (card.card or {})["lang"]
    assert DefaultMethod.OATH.value == world.default_of(ADA)


async def test_dates_are_those_of_the_readers_clock(start: Start) -> None:
    """In the spelling of their country, in their time zone."""
    async with start() as world:
        await world.ask(KONRAD, "sms")
        card = await world.ask(KONRAD, "ja")
        await eventually(lambda: world.outcomes() == ["confirmed"])
        history = await world.read(KONRAD, "Verlauf")
    assert "de" == (card.card or {})["lang"]
    assert re.search(r"\d{2}\.\d{2}\.20\d{2}, \d{2}:\d{2} · ", history)
