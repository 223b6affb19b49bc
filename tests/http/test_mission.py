"""The mission, once through: a sentence in Teams, a change in Graph, a card with the truth."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sandbox.faults import connector, graph, token
from sandbox.teams import buttons, card_text
from tests.conftest import ADA, ALAN, GRACE, KATHERINE, NORA, World, eventually


async def test_the_sentence_changes_the_default_and_is_answered_with_the_truth(world: World) -> None:
    """A cold "set my default MFA to oath" signs in silently, changes Graph, reads it back and shows the methods."""
    text = await world.read(ADA, "set my default MFA to oath")

    assert world.default_of(ADA) == "oath"
    assert "Changed: Authenticator notification → one-time code." in text
    assert "I have checked: Microsoft has saved it." in text
    assert "✓ Enter a one-time code from an app or a token" in text
    assert "Ada's iPhone" in text
    assert world.client(ADA).notes == ["Signed in silently (Teams single sign-on)"]
    assert world.client(ADA).errors == []


async def test_the_person_says_it_once_although_two_clients_sign_in(world: World) -> None:
    """Desktop and phone both exchange a token; the command is carried out and answered once."""
    world.client(ADA).endpoints = 5

    await world.ask(ADA, "set my default MFA to oath")
    await world.sandbox.teams.idle()

    answers = [message for message in world.client(ADA).messages if message.sender == "bot" and message.card]
    assert len(answers) == 1
    assert world.patches() == 1


async def test_graph_is_called_with_the_persons_own_delegated_token(world: World) -> None:
    """Rule 1: every call to Graph carries the token of the person who writes, and goes to their object id."""
    await world.ask(GRACE, "set my default MFA to oath")

    calls = world.sandbox.tenant.call_log
    assert {"grace@contoso.example"} == {call.actor for call in calls}
    paths = [call.path for call in calls if "batch" not in call.path]
    assert all(f"/users/{GRACE}/" in path for path in paths)


async def test_only_the_scopes_of_self_service_are_asked_for(world: World) -> None:
    """Rule 1: on-behalf-of asks for two Graph scopes, no refresh token, and never for anybody else's methods."""
    await world.ask(ADA, "show my methods")

    asked = [call.detail["scope"].split() for call in world.sandbox.faults.seen(token("jwt-bearer"))]
    prefix = f"{world.sandbox.graph_url}/"
    names = {scope.removeprefix(prefix) for scopes in asked for scope in scopes}
    assert names == {"UserAuthenticationMethod.ReadWrite", "User.Read", "openid", "profile"}


async def test_intent_and_outcome_are_on_record(world: World) -> None:
    """Rule 5: who, what, before and after as nine flat keys, and Graph's request id stand in the database."""
    await world.ask(ADA, "set my default MFA to oath")

    intent, outcome = world.rows("SELECT * FROM audit ORDER BY seq")
    assert ("intent", "outcome") == (intent["kind"], outcome["kind"])
    assert {"kind": "set", "method": "oath", "by": "text"} == json.loads(intent["command"])
    for who in ("actor", "target"):
        named = [intent[f"{who}_{part}"] for part in ("oid", "upn", "name")]
        assert [ADA, "ada@contoso.example", "Ada Lovelace"] == named
    assert intent["intent_id"] == outcome["intent_id"]
    assert outcome["outcome"] == "confirmed"
    assert outcome["graph_request_id"]
    before, after = json.loads(intent["before"]), json.loads(outcome["after"])
    assert before["userpreferredmethodforsecondaryauthentication"] == "push"
    assert after["userpreferredmethodforsecondaryauthentication"] == "oath"
    assert len(before) == len(after) == 9


async def test_showing_costs_one_round_trip_and_writes_nothing(world: World) -> None:
    """With a token in memory, "show" is one request to Graph, and the database stays as it is."""
    await world.ask(ADA, "show my methods")
    requests, rows = len(world.graph_requests()), _counts(world)

    await world.ask(ADA, "show my methods")

    assert world.graph_requests()[requests:] == ["POST $batch"]
    assert rows == _counts(world)


async def test_setting_costs_three_round_trips(world: World) -> None:
    """With a token in memory, "set" reads the state, patches, and re-reads: three requests and not one more."""
    await world.ask(ADA, "show my methods")
    before = len(world.graph_requests())

    await world.ask(ADA, "set my default to oath")

    assert world.graph_requests()[before:] == ["POST $batch", "PATCH signInPreferences", "GET signInPreferences"]


@pytest.mark.parametrize(
    ("oid", "says", "never"),
    [
        (
            GRACE,
            [
                "✓ Approve a notification",
                "Pixel",
                "Not registered: call to mobile phone, call to second mobile phone, call",
            ],
            ["Microsoft chooses"],
        ),
        (KATHERINE, ["Microsoft chooses your strongest method", "(now: text message)", "••• 31"], ["555"]),
        (ALAN, ["You need no default.", "Passkey", "(now: passkey or security key)", "Not registered: Auth"], ["✓"]),
        (NORA, ["You have not registered a method that can be", "Password"], ["✓", "Microsoft chooses"]),
    ],
)
async def test_everybody_sees_their_own_situation(world: World, oid: str, says: list[str], never: list[str]) -> None:
    """Each of the five people gets a card of what they have, what they lack and why, and whether it has an effect."""
    text = await world.read(oid, "show my methods")

    assert [part for part in says if part not in text] == []
    assert [part for part in never if part in text] == []


async def test_what_is_not_registered_is_not_sent_to_graph(world: World) -> None:
    """A method that the person has not registered is explained, and Graph is never asked."""
    text = await world.read(GRACE, "set my default MFA to sms")

    assert "I can't make this your default: text message. Not registered." in text
    assert (world.patches(), world.default_of(GRACE)) == (0, "push")


async def test_what_is_the_default_already_is_not_sent_again(world: World) -> None:
    """Asking for the current default changes nothing and says so."""
    text = await world.read(ADA, "set my default MFA to push")

    assert "No change needed" in text
    assert world.patches() == 0


async def test_a_sentence_about_somebody_else_changes_nothing(world: World) -> None:
    """The bot acts for the writer only, and says so; nobody's default changes."""
    text = await world.read(ADA, "set grace@contoso.example to oath")

    assert "I can only do this for your own account" in text
    assert (world.default_of(ADA), world.default_of(GRACE), world.patches()) == ("push", "push", 0)


async def test_an_unclear_wish_gets_a_question_with_buttons(world: World) -> None:
    """Rule 7: "call me" could mean three phones: the card asks, and nothing is changed until a button is pressed."""
    card = (await world.ask(ADA, "call me")).card or {}

    assert "Did you mean: call to mobile phone, call to second mobile phone, or call" in card_text(card)
    assert {"Use calls to my mobile", "Use calls to my office"} <= set(buttons(card))
    assert world.patches() == 0


@pytest.mark.parametrize(
    ("oid", "text", "expected"),
    [
        (GRACE, "call me", "I can't make any of these your default: call to mobile phone, call to"),
        (GRACE, "use the app", "Did you mean: one-time code?"),
        (GRACE, "I prefer push", "No change needed. This is already your default: Authenticator notification."),
        (GRACE, "I prefer sms", "I can't make this your default: text message."),
        (NORA, "change my default", "You have not registered a method that can be a default."),
        (ADA, "set my default MFA to oaht", "Did you mean: one-time code?"),
    ],
)
async def test_a_question_offers_only_what_can_be_chosen(world: World, oid: str, text: str, expected: str) -> None:
    """The bot does not ask people to choose below where below is nothing to choose."""
    shown = await world.read(oid, text)

    assert expected in shown
    assert "choose below" not in shown or "Did you mean" in shown or "Which method" in shown
    assert world.patches() == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("help", "What I can do for you"),
        ("hello", "Hello Ada Lovelace!"),
        ("the canteen is good today", "Sorry, I did not understand that"),
    ],
)
async def test_small_talk_needs_no_sign_in(world: World, text: str, expected: str) -> None:
    """Help, a greeting and an honest "I did not understand" come without any token."""
    assert expected in await world.read(ADA, text)
    assert world.sandbox.faults.seen(token("jwt-bearer")) == []


async def test_the_bot_welcomes_once_when_it_is_installed(world: World) -> None:
    """Teams reports an installation in two ways at once; the person gets one welcome."""
    await world.client(ADA).install()

    cards = [message.visible_text for message in world.client(ADA).messages]
    assert len(cards) == 1
    assert "I look after your default sign-in method" in cards[0]


async def test_another_member_is_not_welcomed(world: World) -> None:
    """Only the bot's own arrival is an installation."""
    ada = world.sandbox.tenant.people[ADA]
    added = world.sandbox.teams.activity(ada, type="conversationUpdate", text=None, membersAdded=[{"id": "29:other"}])

    assert (await world.sandbox.teams.post(added)).status == 200
    assert world.client(ADA).messages == []


@pytest.mark.parametrize("kind", ["groupChat", "channel"])
async def test_elsewhere_the_bot_points_to_the_personal_chat(world: World, kind: str) -> None:
    """Rule 8: in a group or a channel nobody's methods are shown or changed."""
    ada = world.sandbox.tenant.people[ADA]
    activity = world.sandbox.teams.activity(ada, text="set my default MFA to oath")
    activity["conversation"]["conversationType"] = kind

    await world.sandbox.teams.post(activity)

    (message,) = world.client(ADA).messages
    assert "personal chat" in message.text
    assert (message.card, world.patches()) == (None, 0)
    assert world.sandbox.faults.seen(graph()) == []


async def test_a_slow_answer_is_announced_by_typing(world: World) -> None:
    """When an answer takes longer than the typing time, the person sees the bot type."""
    await world.ask(ADA, "show my methods")
    held = _held_until_typing(world)
    world.sandbox.faults.add(graph("POST", "$batch"), held)

    await world.ask(ADA, "show my methods")

    kinds = [call.detail.get("type") for call in world.sandbox.faults.seen(connector("POST"))]
    assert kinds[-2:] == ["typing", "message"]


async def test_a_message_delivered_twice_changes_once(world: World) -> None:
    """Teams may deliver a message again; the same activity id writes once."""
    await world.ask(ADA, "show my methods")
    ada = world.sandbox.tenant.people[ADA]
    activity = world.sandbox.teams.activity(ada, text="set my default MFA to oath")

    for _ in range(3):
        await world.sandbox.teams.post(activity)

    assert world.patches() == 1
    assert world.count("audit", "kind = 'intent'") == 1


async def test_cards_fit_teams_and_leak_no_ids(world: World) -> None:
    """The fullest card is below 28 KB, and holds neither an object id, nor a number, nor a token."""
    card = (await world.ask(ADA, "show my methods")).card or {}

    raw = json.dumps(card)
    assert len(raw.encode("utf-16")) < 28 * 1024
    # What we have sealed may hold any letters and digits by chance.
    raw = re.sub(r'"action": "[\w-]+"', "", raw)
    assert [secret for secret in (ADA, "555", "eyJ") if secret in raw] == []


def _counts(world: World) -> dict[str, int]:
    return {table: world.count(table) for table in ("audit", "commands", "conversations")}


def _held_until_typing(world: World) -> Any:
    def signs() -> int:
        return sum(call.detail.get("type") == "typing" for call in world.sandbox.faults.calls)

    # The sign-in before may have been slow enough for a sign of its own.
    before = signs()

    async def hold(_call: object) -> None:
        await eventually(lambda: signs() > before)

    return hold
