"""How the Bot Connector speaks to the bot: its tokens, its activities, its HTTP.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication and
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/conversation-messages
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from sandbox.context import Context
from sandbox.keys import SigningKey
from sandbox.tenant import BOT_NAME, Json, SandboxPerson, iso_utc

CHANNEL_ISSUER = "https://api.botframework.com"
UNREACHABLE = 502
TOO_LATE = 504


@dataclass(frozen=True)
class PostResult:
    """What the bot answered, ``body`` parsed if it is JSON. 502 means no answer, 504 none in time."""

    status: int
    body: Any = None

    @property
    def ok(self) -> bool:
        """Whether the bot took the activity."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Channel:
    """Posts signed activities to the bot; ``answer_limit_s`` is how long it waits for an answer."""

    def __init__(self, context: Context) -> None:
        self.answer_limit_s = 15.0
        self.endpoint: str | None = None
        self._context = context
        self._session: aiohttp.ClientSession | None = None
        self._last_id = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """The time in which ``post`` works. A connection serves one activity: bots restart in between."""
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            self._session = session
            yield
        self._session = None

    def channel_token(self, *, key: SigningKey | None = None, **overrides: Any) -> str:
        """The token with which the Connector calls the bot; an override of None removes that claim."""
        now = int(self._context.clock())
        claims: Json = {
            "iss": CHANNEL_ISSUER,
            "aud": self._context.bot.app_id,
            "serviceurl": self._context.addresses.service_url,
            "nbf": now,
            "exp": now + 3600,
        }
        return (key or self._context.keys.channel[-1]).sign(_without_none(claims | overrides))

    def activity(self, person: SandboxPerson, **overrides: Any) -> Json:
        """A message of the person as Teams sends it; an override of None removes that property."""
        now = iso_utc(self._context.clock())
        tenant_id = self._context.tenant.tenant_id
        activity: Json = {
            "type": "message",
            "id": self.next_id(),
            "timestamp": now,
            "localTimestamp": now.replace("Z", "+00:00"),
            "localTimezone": person.timezone,
            "serviceUrl": self._context.addresses.service_url,
            "channelId": "msteams",
            "from": {"id": user_id(person), "name": person.display_name, "aadObjectId": person.oid},
            "conversation": {
                "conversationType": "personal",
                "tenantId": tenant_id,
                "id": conversation_id(person),
            },
            "recipient": {"id": self.bot_id, "name": BOT_NAME},
            "text": "hello",
            "textFormat": "plain",
            "locale": person.locale,
            "entities": [_client_info(person)],
            "channelData": {"tenant": {"id": tenant_id}},
        }
        return _without_none(activity | overrides)

    def invoke(self, person: SandboxPerson, name: str, value: Json, **overrides: Any) -> Json:
        """An invoke of the person; its answer is the bot's HTTP answer."""
        no_text = {"text": None, "textFormat": None}
        return self.activity(person, type="invoke", name=name, value=value, **no_text, **overrides)

    async def post(self, activity: Json, *, token: str | None = None) -> PostResult:
        """Send the activity to the bot, signed with ``channel_token()`` or with ``token`` ("" sends none)."""
        if self.endpoint is None or self._session is None:
            return PostResult(UNREACHABLE)
        bearer = self.channel_token() if token is None else token
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        try:
            async with (
                asyncio.timeout(self.answer_limit_s),
                self._session.post(self.endpoint, data=json.dumps(activity), headers=headers) as answer,
            ):
                return PostResult(answer.status, _parsed(await answer.read()))
        except TimeoutError:
            return PostResult(TOO_LATE)
        except aiohttp.ClientError:
            return PostResult(UNREACHABLE)

    @property
    def origin(self) -> str | None:
        """Where the bot listens, as its messaging endpoint tells."""
        return str(URL(self.endpoint).origin()) if self.endpoint else None

    @property
    def bot_id(self) -> str:
        """The bot as a member of a chat."""
        return f"28:{self._context.bot.app_id}"

    def next_id(self) -> str:
        """An id for a message: as in Teams a time in milliseconds, here without repetitions."""
        self._last_id = max(self._last_id + 1, int(self._context.clock() * 1000))
        return str(self._last_id)


def _client_info(person: SandboxPerson) -> Json:
    return {
        "type": "clientInfo",
        "locale": person.locale,
        "country": person.locale[-2:],
        "platform": "Web",
        "timezone": person.timezone,
    }


def user_id(person: SandboxPerson) -> str:
    """The person's id in the channel: opaque, no object id."""
    return f"29:{_opaque('user', person)}"


def conversation_id(person: SandboxPerson) -> str:
    """The id of the person's chat with the bot."""
    return f"a:{_opaque('chat', person)}"


def _opaque(kind: str, person: SandboxPerson) -> str:
    digest = hashlib.sha256(f"{kind}:{person.oid}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _without_none(properties: Json) -> Json:
    return {name: value for name, value in properties.items() if value is not None}


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
