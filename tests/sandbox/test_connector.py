"""The Bot Connector and Teams' clients: what the bot may send, and what becomes of it in the chat."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import jwt
import pytest
from aiohttp import web

from tests.conftest import ADA, GRACE, eventually
from tests.sandbox.wire import ADAPTIVE_CARD, WENT_WRONG, FakeBot, Json, Wire, card, sign_in_card

_TEXT = {"type": "message", "text": "hello"}


# Who may send.


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"aud": "https://graph.microsoft.com"}, (401, "Unauthorized")),
        ({"exp": 1}, (401, "Unauthorized")),
        ({"nbf": 99999999999}, (401, "Unauthorized")),
        ({"tid": "11111111-1111-4111-8111-111111111111"}, (401, "Unauthorized")),
        ({"appid": "22222222-2222-4222-8222-222222222222"}, (403, "Forbidden")),
        ({"appid": None}, (403, "Forbidden")),
    ],
    ids=str,
)
async def test_only_the_bot_may_send(wire: Wire, claims: Json, expected: tuple[int, str]) -> None:
    """A token of Entra needs the Connector as audience, valid times, this tenant and this bot."""
    good = jwt.decode(await wire.bot_token(), options={"verify_signature": False}) | claims
    token = wire.sandbox.keys.entra[-1].sign({name: value for name, value in good.items() if value is not None})

    assert expected == (await wire.connector("POST", token=token, json=_TEXT)).refusal
    assert [] == wire.sandbox.teams.client(ADA).messages


@pytest.mark.parametrize("kind", ["none", "garbage", "channel key", "channel token", "user token"])
async def test_no_other_token_sends(wire: Wire, kind: str) -> None:
    """No token, a forged one, the channel's own or a person's: all are 401."""
    claims = jwt.decode(await wire.bot_token(), options={"verify_signature": False})
    token = {
        "none": "",
        "garbage": "a.b.c",
        "channel key": wire.sandbox.keys.channel[0].sign(claims),
        "channel token": wire.sandbox.teams.channel_token(),
        "user token": await wire.user_token(),
    }[kind]

    assert (401, "Unauthorized") == (await wire.connector("POST", token=token, json=_TEXT)).refusal


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_an_unknown_conversation_is_404(wire: Wire, method: str) -> None:
    """The bot can't write where nobody is."""
    answer = await wire.connector(method, "1", conversation="a:nobody", json=_TEXT)

    assert (404, "ConversationNotFound") == answer.refusal


# Messages.


async def test_a_message_is_sent_replaced_and_deleted(wire: Wire) -> None:
    """201 with an id, then changes in place by that id, then it is gone, and with it the id."""
    client = wire.sandbox.teams.client(ADA)
    sent = await wire.connector("POST", json=_TEXT)
    message_id = sent.json["id"]
    assert (201, "hello") == (sent.status, client.message(message_id).text)

    replaced = await wire.connector("PUT", message_id, json={"type": "message", "attachments": [card("new")]})
    assert (200, {"id": message_id}) == (replaced.status, replaced.json)
    assert ("new", 1) == (client.message(message_id).visible_text, client.message(message_id).updated)

    assert 200 == (await wire.connector("DELETE", message_id)).status
    assert [] == client.messages
    assert (404, "ActivityNotFoundInConversation") == (await wire.connector("DELETE", message_id)).refusal


async def test_a_reply_is_a_message_too(wire: Wire) -> None:
    """A reply may name any activity, also an invoke that never was a message; it gets an id of its own."""
    answer = await wire.connector("POST", "an-invoke", json=_TEXT)

    assert (201, True) == (answer.status, answer.json["id"] != "an-invoke")
    assert ["hello"] == [message.text for message in wire.sandbox.teams.client(ADA).messages]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_other_people_s_messages_are_not_the_bot_s_to_change(wire: Wire, bot: FakeBot, method: str) -> None:
    """What the person has written stays, and one chat's ids mean nothing in another."""
    mine = await wire.sandbox.teams.client(ADA).say("hi")

    assert ["hi"] == [activity["text"] for activity in bot.received]
    assert (403, "Forbidden") == (await wire.connector(method, mine.id, json=_TEXT)).refusal
    elsewhere = await wire.connector(method, mine.id, conversation=wire.conversation(GRACE), json=_TEXT)
    assert (404, "ActivityNotFoundInConversation") == elsewhere.refusal
    assert [mine] == wire.sandbox.teams.client(ADA).messages


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        (_TEXT | {"text": "x" * 100 * 1024}, (413, "MessageSizeTooBig")),
        ({"type": "message"}, (400, "BadSyntax")),
        ({"type": "message", "text": 5}, (400, "BadSyntax")),
        ({"type": "message", "attachments": {}}, (400, "BadSyntax")),
        ({"type": "message", "attachments": [{"content": {}}]}, (400, "BadSyntax")),
        ({"type": "message", "attachments": [{"contentType": ADAPTIVE_CARD}]}, (400, "BadSyntax")),
        ({"type": "message", "attachments": [{"contentType": ADAPTIVE_CARD, "content": {}}]}, (400, "BadSyntax")),
        (_TEXT | {"suggestedActions": {"actions": {"a": 1}}}, (400, "BadSyntax")),
        ({"type": "trace", "text": "x"}, (400, "BadArgument")),
        ({"text": "x"}, (400, "BadArgument")),
        ([_TEXT], (400, "BadSyntax")),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_malformed_message_is_refused(wire: Wire, activity: Any, expected: tuple[int, str]) -> None:
    """What Teams would not show, the Connector does not take, neither as a new message nor in place of one."""
    message_id = (await wire.connector("POST", json=_TEXT)).json["id"]

    assert expected == (await wire.connector("POST", json=activity)).refusal
    assert expected == (await wire.connector("PUT", message_id, json=activity)).refusal
    assert ["hello"] == [message.text for message in wire.sandbox.teams.client(ADA).messages]


@pytest.mark.parametrize(
    "sent", [{"data": '{"type": "message", "text": "x"}', "headers": {"Content-Type": "text/plain"}}, {"data": b"\xff"}]
)
async def test_a_message_is_declared_json(wire: Wire, sent: Json) -> None:
    """What is no JSON, or is not called so, is 400."""
    assert (400, "BadSyntax") == (await wire.connector("POST", **sent)).refusal


async def test_an_attachment_without_content_is_none_of_the_connector_s_business(wire: Wire) -> None:
    """A picture by its address has no content; it is taken like any other attachment."""
    answer = await wire.send({"contentType": "image/png", "contentUrl": "https://contoso.example/a.png"})

    assert 201 == answer.status


async def test_typing_is_shown_and_not_stored(wire: Wire) -> None:
    """A typing activity is announced to whoever looks, and leaves no message and no history."""
    client = wire.sandbox.teams.client(ADA)
    seen: list[str] = []
    client.chat.events.subscribe(lambda event: seen.append(event.name))

    assert 201 == (await wire.connector("POST", json={"type": "typing"})).status
    assert (["typing"], [], []) == (seen, client.messages, list(client.chat.events))


async def test_the_channel_s_keys_are_endorsed_for_teams(wire: Wire) -> None:
    """The channel's metadata leads to keys endorsed for msteams, and they verify the channel's tokens."""
    found = (await wire.ask("GET", f"{wire.sandbox.service_url}/openid/.well-known/openidconfiguration")).json
    (jwk,) = (await wire.ask("GET", found["jwks_uri"])).json["keys"]

    assert ("https://api.botframework.com", ["RS256"]) == (
        found["issuer"],
        found["id_token_signing_alg_values_supported"],
    )
    assert ["msteams"] == jwk["endorsements"]
    claims = jwt.decode(
        wire.sandbox.teams.channel_token(),
        jwt.PyJWK(jwk),
        algorithms=["RS256"],
        audience=wire.sandbox.app_id,
        issuer=found["issuer"],
    )
    assert wire.sandbox.service_url == claims["serviceurl"]


# Single sign-on.


@pytest.mark.parametrize(
    ("statuses", "shown", "signed_in"),
    [
        ((200,), False, True),
        ((412, 200), False, True),
        ((412,), True, False),
        ((500, 412), True, False),
        ((500,), False, False),
        ((400,), False, False),
    ],
    ids=str,
)
async def test_the_answers_to_the_exchange_decide(
    wire: Wire, bot: FakeBot, statuses: tuple[int, ...], shown: bool, signed_in: bool
) -> None:
    """Any 200 hides the sign-in card for good, else a 412 shows it, and other answers show nothing."""
    each, client = cycle(statuses), wire.sandbox.teams.client(ADA)
    bot.answer = lambda _: web.Response(status=next(each))
    message_id = (await wire.send(sign_in_card())).json["id"]
    await wire.sandbox.teams.idle()

    assert (not shown, signed_in) == (client.message(message_id).hidden, bool(client.notes))
    assert shown == any(event.name == "message" for event in client.chat.events)


async def test_each_endpoint_sends_a_token_of_its_own(wire: Wire, bot: FakeBot) -> None:
    """Desktop and phone answer the same exchange at the same time, each with another good token of the person."""
    bot.may_answer.clear()
    client = wire.sandbox.teams.client(ADA)
    await wire.send(sign_in_card(connectionName="graph"))
    await eventually(lambda: len(bot.received) == 2)
    assert [True] == [message.hidden for message in client.messages]
    bot.may_answer.set()
    await wire.sandbox.teams.idle()

    tokens = {value.pop("token") for value in bot.values("signin/tokenExchange")}
    assert [{"id": "x1", "connectionName": "graph"}] * 2 == bot.values("signin/tokenExchange")
    assert [200, 200] == [(await wire.token(wire.on_behalf_of(assertion=one))).status for one in tokens]


@pytest.mark.parametrize(("attachment", "hidden"), [(sign_in_card(text="Again"), True), (card("Welcome"), False)])
async def test_a_hidden_card_appears_when_it_becomes_another(
    wire: Wire, bot: FakeBot, attachment: Json, hidden: bool
) -> None:
    """A sign-in card that was settled silently stays hidden if it is changed, unless it is no sign-in card any more."""
    message_id = (await wire.send(sign_in_card())).json["id"]
    await wire.sandbox.teams.idle()
    await wire.connector("PUT", message_id, json={"type": "message", "attachments": [attachment]})

    assert hidden == wire.sandbox.teams.client(ADA).message(message_id).hidden
    assert 2 == len(bot.received)


async def test_without_single_sign_on_the_clients_say_so(wire: Wire, bot: FakeBot) -> None:
    """Clients that get no token report signin/failure, and the card stays away."""
    client = wire.sandbox.teams.client(ADA)
    client.sso_enabled = False
    await wire.send(sign_in_card())
    await wire.sandbox.teams.idle()

    assert ["tokenmissing"] * 2 == [value["code"] for value in bot.values("signin/failure")]
    assert ([], [True]) == (bot.values("signin/tokenExchange"), [message.hidden for message in client.messages])


async def test_a_sign_in_card_without_an_exchange_is_just_shown(wire: Wire, bot: FakeBot) -> None:
    """A card that asks for no single sign-on starts none."""
    await wire.send(sign_in_card(tokenExchangeResource=None))
    await wire.sandbox.teams.idle()

    assert ([False], []) == ([message.hidden for message in wire.sandbox.teams.client(ADA).messages], bot.received)


# Buttons.


async def _press(wire: Wire, bot: FakeBot, answer: web.Response) -> str:
    """Send a card and press its button, which the bot answers so; the id of the card's message."""
    message_id = str((await wire.send(card("old", "Go"))).json["id"])
    bot.answer = lambda _: answer
    await wire.sandbox.teams.client(ADA).press(message_id, "Go", inputs={"why": "because"})
    return message_id


def _invoke_answer(kind: str, value: object, status: int = 200) -> web.Response:
    return web.json_response({"statusCode": status, "type": f"application/vnd.microsoft.{kind}", "value": value})


async def test_a_card_in_the_answer_replaces_the_card_in_place(wire: Wire, bot: FakeBot) -> None:
    """The invoke names the card's message and has the inputs in its data; the new card stands in the same message."""
    message_id = await _press(wire, bot, _invoke_answer("card.adaptive", card("new")["content"]))

    client = wire.sandbox.teams.client(ADA)
    action = {"type": "Action.Execute", "title": "Go", "verb": "do", "data": {"id": "Go", "why": "because"}}
    assert [{"action": action, "trigger": "manual"}] == bot.values("adaptiveCard/action")
    assert message_id == bot.received[-1]["replyToId"]
    assert [("new", 1)] == [(message.visible_text, message.updated) for message in client.messages]
    assert [] == client.errors


async def test_a_text_in_the_answer_is_a_note(wire: Wire, bot: FakeBot) -> None:
    """The text is shown and the card stays; the bot can't change such a note later."""
    message_id = await _press(wire, bot, _invoke_answer("activity.message", "Done."))

    kept, note = wire.sandbox.teams.client(ADA).messages
    assert (message_id, "old", "Done.", True) == (kept.id, kept.visible_text, note.text, note.ephemeral)
    assert (404, "ActivityNotFoundInConversation") == (await wire.connector("PUT", note.id, json=_TEXT)).refusal


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: _invoke_answer("error", {"code": "BadRequest", "message": "No."}, 400), "No."),
        (lambda: _invoke_answer("error.incorrectAuthCode", None, 401), WENT_WRONG),
        (lambda: _invoke_answer("card.adaptive", "no card"), WENT_WRONG),
        (lambda: _invoke_answer("card.adaptive", card("new")["content"], 500), WENT_WRONG),
        (lambda: _invoke_answer("something.else", {}), WENT_WRONG),
        (lambda: web.json_response({"statusCode": 200}, status=500), WENT_WRONG),
        (lambda: web.json_response([]), WENT_WRONG),
        (lambda: web.Response(text="no JSON"), WENT_WRONG),
        (web.Response, WENT_WRONG),
    ],
)
async def test_an_answer_that_is_none_is_an_error(wire: Wire, bot: FakeBot, answer: Any, error: str) -> None:
    """An error answer says its message, anything else Teams' own sentence; the card stays as it was."""
    message_id = await _press(wire, bot, answer())

    client = wire.sandbox.teams.client(ADA)
    assert ([error], "old") == (client.errors, client.message(message_id).visible_text)


async def test_a_button_that_is_not_there_can_not_be_pressed(wire: Wire, bot: FakeBot) -> None:
    """Neither an unknown button nor an unknown message reaches the bot."""
    client = wire.sandbox.teams.client(ADA)
    message_id = (await wire.send(card("old", "Go"))).json["id"]

    for where, what in ((message_id, "Stop"), ("unknown", "Go")):
        with pytest.raises(KeyError):
            await client.press(where, what)
    assert [] == bot.received


# Delivery to the bot.


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_a_message_that_the_bot_refuses_is_an_error(wire: Wire, bot: FakeBot, status: int) -> None:
    """The person sees the own message and Teams' error."""
    bot.answer = lambda _: web.Response(status=status)
    client = wire.sandbox.teams.client(ADA)
    await client.say("hi")

    assert ([WENT_WRONG], ["hi"]) == (client.errors, [message.text for message in client.messages])


async def test_the_connector_waits_for_the_bot_only_so_long(wire: Wire, bot: FakeBot) -> None:
    """Past the limit the answer is 504, and 502 where nobody listens."""
    teams = wire.sandbox.teams
    bot.may_answer.clear()
    teams.channel.answer_limit_s = 0.02
    assert 504 == (await teams.post(teams.activity(wire.person()))).status

    wire.sandbox.connect_bot("http://127.0.0.1:1/api/messages")
    teams.channel.answer_limit_s = 15.0
    assert 502 == (await teams.post(teams.activity(wire.person()))).status


async def test_installing_the_app_is_two_activities(wire: Wire, bot: FakeBot) -> None:
    """The bot hears that it was added and that it was installed, both without a text."""
    await wire.sandbox.teams.client(ADA).install()

    found = {activity["type"]: activity for activity in bot.received}
    assert {"conversationUpdate", "installationUpdate"} == found.keys()
    assert [{"id": f"28:{wire.sandbox.app_id}"}] == found["conversationUpdate"]["membersAdded"]
    assert "add" == found["installationUpdate"]["action"]
    assert not any("text" in activity for activity in bot.received)
