"""Microsoft Teams as the bot meets it: the Connector on one side, each person's clients on the other."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from sandbox.background import Background
from sandbox.card_reading import buttons, card_text
from sandbox.channel import Channel, PostResult, conversation_id
from sandbox.chat import ChatMessage
from sandbox.client import TeamsClient
from sandbox.connector import Connector
from sandbox.context import Context
from sandbox.entra import Entra
from sandbox.keys import SigningKey
from sandbox.tenant import Json, SandboxPerson


class Teams:
    """The Teams of one sandbox."""

    def __init__(self, context: Context, entra: Entra) -> None:
        self.channel = Channel(context)
        self.background = Background()
        self._context = context
        self._entra = entra
        self._clients: dict[str, TeamsClient] = {}

    def connector_app(self) -> web.Application:
        """The Bot Connector, to be mounted at ``/connector``."""
        return Connector(self._context, self._in_conversation).app()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The time in which activities can be posted; at its end nothing is left under way."""
        async with self.channel.open(), self.background:
            yield

    def client(self, oid: str) -> TeamsClient:
        """The Teams clients of a person, the same ones every time.

        Raises:
            KeyError: nobody in the tenant has this object id.
        """
        if oid not in self._clients:
            person, clock = self._context.tenant.people[oid], self._context.clock
            self._clients[oid] = TeamsClient(person, self.channel, self.background, self._entra.issue_sso_token, clock)
        return self._clients[oid]

    async def idle(self) -> None:
        """Returns when no background work (single sign-on, the page's messages) is under way."""
        await self.background.idle()

    def channel_token(self, *, key: SigningKey | None = None, **overrides: Any) -> str:
        """The token with which the Connector calls the bot; an override of None removes that claim."""
        return self.channel.channel_token(key=key, **overrides)

    def activity(self, person: SandboxPerson, **overrides: Any) -> Json:
        """A message activity of the person as Teams sends it; an override of None removes that property."""
        return self.channel.activity(person, **overrides)

    async def post(self, activity: Json, *, token: str | None = None) -> PostResult:
        """Post the activity to the bot, signed with ``channel_token()`` or with ``token`` ("" sends none)."""
        return await self.channel.post(activity, token=token)

    def _in_conversation(self, wanted_id: str) -> TeamsClient | None:
        people = self._context.tenant.people.values()
        oid = next((person.oid for person in people if conversation_id(person) == wanted_id), None)
        return self.client(oid) if oid else None


__all__ = ["ChatMessage", "PostResult", "Teams", "TeamsClient", "buttons", "card_text"]
