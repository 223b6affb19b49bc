"""Steps of a sign-in, for tests: the cards that ask for it, and what clients send."""

from __future__ import annotations

from typing import Any

from sandbox import ChatMessage, PostResult
from tests.conftest import ADA, World, eventually

_OAUTH = "application/vnd.microsoft.card.oauth"


def oauth(message: ChatMessage) -> dict[str, Any] | None:
    """The sign-in card of a message, None if it has none."""
    return next((one["content"] for one in message.attachments if one["contentType"] == _OAUTH), None)


def sign_in_cards(world: World, oid: str = ADA) -> list[ChatMessage]:
    """All sign-in cards that were sent to the person, hidden or not."""
    return [message for message in world.client(oid).messages if oauth(message) is not None]


async def sign_in_card(world: World, oid: str = ADA) -> ChatMessage:
    """The sign-in card that the person sees."""
    return await world.client(oid).wait_for(lambda message: oauth(message) is not None)


async def silent_card(world: World, oid: str, text: str) -> dict[str, Any]:
    """Write ``text`` from a client that does not answer sign-in cards by itself; the newest card."""
    client = world.client(oid)
    client.endpoints = 0
    before = len(sign_in_cards(world, oid))
    await client.say(text)
    await eventually(lambda: len(sign_in_cards(world, oid)) > before)
    return oauth(sign_in_cards(world, oid)[-1]) or {}


async def exchange(world: World, oid: str, exchange_id: object, sso_token: object) -> PostResult:
    """One delivery of a ``signin/tokenExchange`` by the person."""
    return await invoke(world, oid, "tokenExchange", {"id": exchange_id, "connectionName": "", "token": sso_token})


async def verify(world: World, oid: str, state: object) -> PostResult:
    """A ``signin/verifyState`` of the person."""
    return await invoke(world, oid, "verifyState", {"state": state})


async def invoke(world: World, oid: str, name: str, value: dict[str, Any]) -> PostResult:
    """One step of a sign-in, sent by the person's client."""
    channel = world.sandbox.teams.channel
    return await channel.post(channel.invoke(world.sandbox.tenant.people[oid], f"signin/{name}", value))


def sso(world: World, whose: str, **claims: Any) -> str:
    """A token of the person's for the bot; ``claims`` as ``Entra.issue_sso_token`` takes them."""
    return world.sandbox.entra.issue_sso_token(world.sandbox.tenant.people[whose], **claims)


def visible_cards(world: World, oid: str = ADA) -> list[str]:
    """What the bot's Adaptive Cards say."""
    return [message.visible_text for message in world.client(oid).messages if message.card and not message.hidden]
