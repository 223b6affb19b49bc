"""The Bot Connector's REST API as Teams offers it, and the channel's OpenID pages.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference and
https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.card_reading import ADAPTIVE_CARD, OAUTH_CARD
from sandbox.channel import CHANNEL_ISSUER
from sandbox.chat import ChatMessage
from sandbox.client import TeamsClient
from sandbox.context import Context
from sandbox.faults import Answer, Call
from sandbox.keys import TokenRefused, bearer, verify
from sandbox.tenant import Json
from sandbox.token_issuer import CONNECTOR_AUDIENCE
from sandbox.web import faulty, respond

# Teams' limit for a whole message:
# https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages
MAX_MESSAGE_BYTES = 100 * 1024
MAX_REQUEST_BYTES = 16 * 1024 * 1024  # more than any message, so that Teams' own refusal is what is seen

_ACTIVITIES = "/v3/conversations/{conversation}/activities"
_ACTIVITY = _ACTIVITIES + "/{activity}"


class ConnectorError(Exception):
    """A refusal by the Connector."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def answer(self) -> Answer:
        """The refusal on the wire."""
        return Answer(self.status, body={"error": {"code": self.code, "message": self.message}})


class Connector:
    """Brings the bot's messages to the clients; ``find_client`` knows them by their conversation's id."""

    def __init__(self, context: Context, find_client: Callable[[str], TeamsClient | None]) -> None:
        self._context = context
        self._find_client = find_client

    def app(self) -> web.Application:
        """The application, to be mounted at the path of the service URL."""
        faults = faulty(self._context.faults, self._describe)
        app = web.Application(middlewares=[faults, _answer_refusals], client_max_size=MAX_REQUEST_BYTES)
        app.router.add_get("/openid/.well-known/openidconfiguration", self._metadata)
        app.router.add_get("/openid/keys", self._key_set)
        app.router.add_post(_ACTIVITIES, self._send)
        app.router.add_post(_ACTIVITY, self._send)
        app.router.add_put(_ACTIVITY, self._update)
        app.router.add_delete(_ACTIVITY, self._delete)
        return app

    async def _metadata(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": CHANNEL_ISSUER,
                "authorization_endpoint": "https://invalid.botframework.com",  # what the real page says
                "jwks_uri": f"{self._context.addresses.service_url}/openid/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }
        )

    async def _key_set(self, _: web.Request) -> web.Response:
        keys = [key.jwk() | {"endorsements": ["msteams"]} for key in self._context.keys.channel]
        return web.json_response({"keys": keys})

    async def _send(self, request: web.Request) -> web.Response:
        """A new message. A reply may name any activity: invokes are answered to, and they are no messages."""
        client = self._client(request)
        activity = await _activity(request)
        if activity.get("type") == "typing":
            client.chat.typing()
            return _created(f"typing-{request.match_info['conversation'][-8:]}")
        return _created(client.receive(_checked_message(activity)))

    async def _update(self, request: web.Request) -> web.Response:
        client = self._client(request)
        message = _own_message(client, request)
        client.update(message.id, _checked_message(await _activity(request)))
        return web.json_response({"id": message.id})

    async def _delete(self, request: web.Request) -> web.Response:
        client = self._client(request)
        client.chat.remove(_own_message(client, request).id)
        return web.Response()

    def _client(self, request: web.Request) -> TeamsClient:
        """The client of the conversation, once it is clear that the bot is asking."""
        self._check_token(request)
        client = self._find_client(request.match_info["conversation"])
        if client is None:
            raise ConnectorError(404, "ConversationNotFound", "Conversation not found.")
        return client

    def _check_token(self, request: web.Request) -> None:
        try:
            claims = verify(
                bearer(request.headers.get("Authorization")),
                self._context.keys.entra,
                audience=CONNECTOR_AUDIENCE,
                tenant_id=self._context.tenant.tenant_id,
                now=self._context.clock(),
            )
        except TokenRefused as refused:
            message = "Authorization has been denied for this request."
            raise ConnectorError(401, "Unauthorized", message) from refused
        if claims.get("appid") != self._context.bot.app_id:
            raise ConnectorError(403, "Forbidden", "The bot is not a member of the conversation.")

    async def _describe(self, request: web.Request) -> Call:
        client = self._find_client(request.match_info.get("conversation", ""))
        oid = client.person.oid if client else None
        body = _parsed(await request.read())
        return Call("connector", request.method, request.path, oid, body if isinstance(body, dict) else {})


@web.middleware
async def _answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ConnectorError as refusal:
        return respond(refusal.answer())


async def _activity(request: web.Request) -> Json:
    body = await request.read()
    if len(body) > MAX_MESSAGE_BYTES:
        raise ConnectorError(413, "MessageSizeTooBig", "Message size too large.")
    activity = _parsed(body) if request.content_type == "application/json" else None
    if not isinstance(activity, dict):
        raise _bad_syntax("The body has to be an activity in JSON.")
    return activity


def _checked_message(activity: Json) -> Json:
    """The activity, if it is a message that Teams would show.

    Which code Teams gives each fault is not documented; that it shows nothing of them is what counts.
    """
    if activity.get("type") != "message":
        raise ConnectorError(400, "BadArgument", "Unknown activity type.")
    attachments = activity.get("attachments") or []
    if not isinstance(attachments, list) or not all(_is_attachment(one) for one in attachments):
        raise _bad_syntax("An attachment is malformed.")
    if not isinstance(activity.get("text") or "", str) or not (activity.get("text") or attachments):
        raise _bad_syntax("A message needs a text or an attachment.")
    suggested = activity.get("suggestedActions") or {}
    if not isinstance(suggested, dict) or not isinstance(suggested.get("actions") or [], list):
        raise _bad_syntax("The suggested actions are malformed.")
    return activity


def _is_attachment(attachment: Any) -> bool:
    if not isinstance(attachment, dict) or not isinstance(attachment.get("contentType"), str):
        return False
    content = attachment.get("content")
    if attachment["contentType"] == ADAPTIVE_CARD:
        return isinstance(content, dict) and content.get("type") == "AdaptiveCard"
    return attachment["contentType"] != OAUTH_CARD or isinstance(content, dict)


def _own_message(client: TeamsClient, request: web.Request) -> ChatMessage:
    message = client.chat.find(request.match_info["activity"])
    if message is None or message.ephemeral:
        raise ConnectorError(404, "ActivityNotFoundInConversation", "Activity not found in conversation.")
    if message.sender != "bot":
        raise ConnectorError(403, "Forbidden", "The bot may change its own messages only.")
    return message


def _created(activity_id: str) -> web.Response:
    return web.json_response({"id": activity_id}, status=HTTPStatus.CREATED)


def _bad_syntax(message: str) -> ConnectorError:
    return ConnectorError(400, "BadSyntax", message)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
