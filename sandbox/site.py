"""The chat page and its API: people, their chats as server-sent events, what they type and press.

The page is for the machine's own user, so it defends itself against other pages in the same browser: by the
Host header against DNS rebinding, by the content type against forms of other origins.
What it forwards to the bot is the bot's to defend.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from sandbox.chat import ChatEvent
from sandbox.client import TeamsClient
from sandbox.connector import MAX_REQUEST_BYTES
from sandbox.context import Context
from sandbox.proxy import Proxy, is_forwarded
from sandbox.situations_api import SituationsApi
from sandbox.teams import Teams
from sandbox.tenant import BOT_NAME, GraphCall, Json
from sandbox.web import json_object

STATIC = Path(__file__).parent / "static"

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_HEARTBEAT_S = 15.0  # a comment now and then shows whether the browser is still there


@dataclass(frozen=True)
class _End:
    """Ends a stream of events."""


_Queue = asyncio.Queue["bytes | _End"]


class Site:
    """The site of one sandbox."""

    def __init__(self, context: Context, teams: Teams) -> None:
        self._context = context
        self._teams = teams
        self._streams: set[_Queue] = set()
        self._installed: set[str] = set()

    def app(self) -> web.Application:
        """The application, with the Bot Connector below ``/connector``."""
        app = web.Application(middlewares=[_loopback_only], client_max_size=MAX_REQUEST_BYTES)
        app.router.add_get("/", _index)
        app.router.add_get("/static/{path:.+}", _static)
        app.router.add_get("/api/people", self._people)
        app.router.add_get("/api/people/{oid}/events", self._events)
        app.router.add_post("/api/people/{oid}/messages", self._message)
        app.router.add_post("/api/people/{oid}/actions", self._action)
        app.router.add_post("/api/people/{oid}/sign-in", self._sign_in)
        SituationsApi(self._context.situations).add_to(app.router)
        Proxy(self._teams.channel).add_to(app)
        app.add_subapp("/connector", self._teams.connector_app())
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self._end_streams)
        return app

    async def _people(self, _: web.Request) -> web.Response:
        people = [
            {
                "oid": person.oid,
                "displayName": person.display_name,
                "userPrincipalName": person.upn,
                "situation": person.situation,
            }
            for person in self._context.tenant.people.values()
        ]
        return web.json_response({"people": people, "bot": {"name": BOT_NAME}})

    async def _message(self, request: web.Request) -> web.Response:
        """What the person typed; the bot's answer comes through the events."""
        client = self._client(request)
        text = (await json_object(request)).get("text")
        if not isinstance(text, str) or not text.strip():
            raise web.HTTPBadRequest(text="text is missing")
        self._teams.background.start(client.say(text))
        return web.json_response({}, status=202)

    async def _action(self, request: web.Request) -> web.Response:
        """A button; answered when the bot has answered."""
        client = self._client(request)
        body = await json_object(request)
        message_id, action = body.get("messageId"), body.get("action")
        if not isinstance(message_id, str) or not isinstance(action, dict):
            raise web.HTTPBadRequest(text="messageId or action is missing")
        try:
            await client.press(message_id, action)
        except KeyError:
            raise web.HTTPNotFound(text="no such message") from None
        return web.json_response({})

    async def _sign_in(self, request: web.Request) -> web.Response:
        """The sign-in window has closed: with what its page gave to Teams, or with null; the bot hears of it."""
        client = self._client(request)
        body = await json_object(request)
        message_id, state = body.get("messageId"), body.get("state")
        if not isinstance(message_id, str) or not isinstance(state, str | None):
            raise web.HTTPBadRequest(text="messageId or state is missing")
        await client.close_sign_in(message_id, state)
        return web.json_response({})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        client = self._client(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        with self._stream(client) as queue:
            await response.prepare(request)
            self._install_once(client)
            with contextlib.suppress(ConnectionError):  # the browser went away
                await _send_all(queue, response)
        return response

    @contextlib.contextmanager
    def _stream(self, client: TeamsClient) -> Iterator[_Queue]:
        """A queue with everything that has happened; whatever happens then is added."""
        queue: _Queue = asyncio.Queue()

        def chat(event: ChatEvent) -> None:
            queue.put_nowait(self._for_browsers(_frame(event.name, event.data)))

        def graph(call: GraphCall) -> None:
            queue.put_nowait(_frame("graph", _graph_json(call)))

        call_log = self._context.tenant.call_log
        queue.put_nowait(_frame("reset", {}))
        for event in client.chat.events:
            chat(event)
        for call in call_log:
            graph(call)
        endings = (client.chat.events.subscribe(chat), call_log.subscribe(graph))
        self._streams.add(queue)
        try:
            yield queue
        finally:
            self._streams.discard(queue)
            for end in endings:
                end()

    def _for_browsers(self, frame: bytes) -> bytes:
        """Browsers do not know the sandbox's certificate authority: links to Entra get its http address."""
        addresses = self._context.addresses
        return frame.replace(addresses.login_url.encode(), addresses.login_http_url.encode())

    def _install_once(self, client: TeamsClient) -> None:
        if client.person.oid not in self._installed:
            self._installed.add(client.person.oid)
            self._teams.background.start(client.install())

    async def _end_streams(self, _: web.Application) -> None:
        for queue in self._streams:
            queue.put_nowait(_End())

    def _client(self, request: web.Request) -> TeamsClient:
        try:
            return self._teams.client(request.match_info["oid"])
        except KeyError:
            raise web.HTTPNotFound(text="no such person") from None


async def _send_all(queue: _Queue, response: web.StreamResponse) -> None:
    while True:
        try:
            async with asyncio.timeout(_HEARTBEAT_S):
                frame = await queue.get()
        except TimeoutError:
            frame = b": still here\n\n"
        if isinstance(frame, _End):
            return
        await response.write(frame)


def _frame(name: str, data: Json) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def _graph_json(call: GraphCall) -> Json:
    return {
        "id": call.id,
        "at": call.at,
        "method": call.method,
        "path": call.path,
        "status": call.status,
        "ms": call.ms,
        "actor": call.actor,
        "requestBody": call.request_body,
        "responseBody": call.response_body,
        "parent": call.batch,
    }


async def _index(_: web.Request) -> web.FileResponse:
    return _file("index.html")


async def _static(request: web.Request) -> web.FileResponse:
    return _file(request.match_info["path"])


def _file(name: str) -> web.FileResponse:
    """A file below ``static``, and of nowhere else."""
    try:
        path = (STATIC / name).resolve()
        found = path.is_relative_to(STATIC.resolve()) and path.is_file()
    except (OSError, ValueError) as error:
        # A name that no file can have: too long, or with a NUL in it.
        raise web.HTTPNotFound from error
    if not found:
        raise web.HTTPNotFound
    return web.FileResponse(path)


@web.middleware
async def _loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if _host_name(request) not in _LOOPBACK:
        raise web.HTTPForbidden(text="only for this machine, as 127.0.0.1 or localhost")
    is_page_post = request.method == "POST" and request.path.startswith("/api/")
    if is_page_post and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="application/json is expected")
    return await handler(request)


def _host_name(request: web.Request) -> str | None:
    try:
        return URL(f"http://{request.headers.get('Host', '')}").host
    except ValueError:
        return None


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    if is_forwarded(request.path):
        return
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
