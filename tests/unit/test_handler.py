"""What nobody foresaw: a mistake of ours is logged, and the person hears of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, cast

import pytest
from botbuilder.core import BotAdapter, TurnContext
from botbuilder.schema import Activity, ConversationReference, ResourceResponse

from bot.mfa import Person
from bot.replies import ConsentWanted
from bot.settings import Pace
from bot.teams import Answers, Errands, Explainer, TeamsHandler, Topics
from bot.teams.people import locale_of, text_of
from bot.teams.wire import activity_from_json, to_json

OID = "11111111-1111-4111-8111-111111111111"


class Broken:
    """A use case, a store or a sign-in that has a mistake in everything it does."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


class QuietSignIn:
    """A sign-in that nobody has finished in another browser."""

    def may_have_signed_in(self, person: Person) -> bool:
        """Never."""
        assert person
        return False


class Recorder(BotAdapter):  # type: ignore[misc]  # botbuilder has no types
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Activity] = []

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """In the background."""
        return asyncio.create_task(work)

    async def send_activities(self, context: TurnContext, activities: list[Activity]) -> list[ResourceResponse]:
        """Keep them."""
        assert context
        self.sent += activities
        return [ResourceResponse(id="1") for _ in activities]

    async def update_activity(self, context: TurnContext, activity: Activity) -> None:
        """Never used here."""
        raise NotImplementedError

    async def delete_activity(self, context: TurnContext, reference: ConversationReference) -> None:
        """Never used here."""
        raise NotImplementedError


def received(**overrides: Any) -> Activity:
    """An activity as it comes in."""
    body = {
        "type": "message",
        "id": "1",
        "channelId": "msteams",
        "serviceUrl": "https://smba.trafficmanager.net/emea/",
        "from": {"id": "29:ada", "aadObjectId": OID, "name": "Ada"},
        "conversation": {"id": "a:1", "conversationType": "personal"},
        "recipient": {"id": "28:bot"},
        "channelData": {"tenant": {"id": OID}},
        "text": "show my methods",
    }
    return activity_from_json(body | overrides)


async def turn(activity: Activity) -> list[Activity]:
    """What a handler with broken parts sends in answer to ``activity``."""
    adapter, broken = Recorder(), cast("Any", Broken())
    explain = Explainer("", ConsentWanted((), ""))
    topics = Topics()
    answers = Answers(cast("Any", adapter), topics)
    errands = Errands(cast("Any", adapter), answers, broken, cast("Any", QuietSignIn()), broken, explain, Pace())
    handler = TeamsHandler(cast("Any", adapter), answers, topics, errands, broken, broken, explain, Pace())
    await handler.on_turn(TurnContext(adapter, activity))
    return adapter.sent


@pytest.mark.parametrize("text", ["show my methods", "set my default MFA to oath"])
async def test_a_mistake_of_ours_is_told_and_logged(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The person gets a sentence that claims nothing and a reference; the log has the trace under the same one."""
    (message,) = await turn(received(text=text))

    raw = json.dumps(to_json(message))
    assert "I can't say how far I got" in raw
    assert "ZeroDivisionError" not in raw
    logged = capsys.readouterr().out
    assert "ZeroDivisionError" in logged
    reference = raw.split("Reference: ")[1][:8]
    assert reference in logged


async def test_a_mistake_in_a_press_is_answered_by_a_card() -> None:
    """A button never ends in silence: HTTP 200 with a card that says that something went wrong."""
    value = {"action": {"verb": "refresh"}}
    (answer,) = await turn(received(type="invoke", name="adaptiveCard/action", value=value, text=None))

    assert 200 == answer.value.status
    assert "I can't say how far I got" in json.dumps(answer.value.body)


async def test_in_a_group_even_a_mistake_stays_silent() -> None:
    """Rule 8: nothing but the pointer to the personal chat is ever written elsewhere."""
    conversation = {"id": "19:1", "conversationType": "groupChat"}
    (message,) = await turn(received(conversation=conversation))

    assert "personal chat" in message.text


def test_the_mention_of_the_bot_is_no_part_of_the_sentence() -> None:
    """The bot's own mention goes, another person's stays: it matters whom a sentence is about."""
    mentions = [
        {"type": "mention", "text": "<at>MFA</at>", "mentioned": {"id": "28:bot"}},
        {"type": "mention", "text": "<at>Ann</at>", "mentioned": {"id": "29:ann"}},
        {"type": "mention"},
        {"type": "mention", "mentioned": "28:bot", "text": 5},
    ]
    activity = received(text="<at>MFA</at> set <at>Ann</at> to sms", entities=mentions)

    assert "set <at>Ann</at> to sms" == text_of(activity).strip()


@pytest.mark.parametrize(
    ("overrides", "locale"),
    [
        ({"locale": "de-DE"}, "de-DE"),
        ({"locale": "de-DE", "entities": [{"type": "clientInfo", "locale": "fr-FR"}]}, "fr-FR"),
        ({"locale": "de-DE", "entities": [{"type": "clientInfo", "locale": 5}, {"type": "x"}]}, "de-DE"),
        ({}, None),
    ],
)
def test_the_clients_language_is_read(overrides: dict[str, Any], locale: str | None) -> None:
    """The client's own language goes before that of the activity; odd values count as none."""
    assert locale == locale_of(received(**overrides))
