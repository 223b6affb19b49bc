"""A ``BotAdapter`` over aiohttp: HTTP in, turns, HTTP out.

botbuilder's ``CloudAdapter`` 4.17.1 is not used: every card that it returns from a button answers 500, and each turn
builds clients anew and blocks the loop.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any
from uuid import uuid4

import structlog
from aiohttp import ClientPayloadError, web
from botbuilder.core import BotAdapter, TurnContext
from botbuilder.schema import Activity, ActivityTypes, ConversationReference, InvokeResponse, ResourceResponse

from bot.errors import ChannelError, MfaBotError
from bot.settings import Pace
from bot.teams.channel_auth import ChannelAuth
from bot.teams.connector import Connector
from bot.teams.wire import activity_from_json, to_json
from bot.telemetry import Metrics, get_logger, log_error

__all__ = ["MAX_BODY_BYTES", "TeamsAdapter"]

MAX_BODY_BYTES = 256 * 1024
_RETRY_AFTER = {"Retry-After": "5"}
_INVOKE_RESPONSE = BotAdapter._INVOKE_RESPONSE_KEY  # noqa: SLF001  the SDK's own adapters meet there

_log = get_logger(__name__)

Turn = Callable[[TurnContext], Awaitable[None]]


class TeamsAdapter(BotAdapter):
    """Makes turns of requests and requests of replies.

    A turn runs as a task of its own: it is finished even if the caller gives up, and ``drain`` waits for it.
    """

    def __init__(self, auth: ChannelAuth, connector: Connector, pace: Pace, metrics: Metrics) -> None:
        super().__init__()
        self._auth = auth
        self._connector = connector
        self._pace = pace
        self._metrics = metrics
        self._tasks: set[asyncio.Task[Any]] = set()

    async def handle(self, request: web.Request, turn: Turn) -> web.Response:
        """Answer one request to /api/messages. Bad input gets its status code, never 500."""
        started = time.monotonic()
        kind = "rejected"
        try:
            activity = await self._receive(request)
            kind = "invoke" if activity.type == ActivityTypes.invoke else "activity"
            response = await self._run(activity, turn)
        except ChannelError as error:
            log_error(_log, error)
            headers = _RETRY_AFTER if error.status == 503 else None
            response = web.json_response({"error": error.reason}, status=error.status, headers=headers)
        self._metrics.turns.labels(kind=kind, status=str(response.status)).inc()
        self._metrics.turn_seconds.labels(kind=kind).observe(time.monotonic() - started)
        return response

    async def _receive(self, request: web.Request) -> Activity:
        """In this order: size, token, JSON. Nobody unknown makes us parse anything."""
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise ChannelError(413, "the body is too large")
        caller = await self._auth.verify(request.headers.get("Authorization"))
        if request.content_type != "application/json":
            raise ChannelError(415, "the body is not JSON")
        activity = activity_from_json(_parse(await _read(request)))
        self._auth.admit(activity, caller)
        return activity

    async def _run(self, activity: Activity, turn: Turn) -> web.Response:
        context = TurnContext(self, activity)
        task = self.spawn(self._turn(context, turn))
        done, _ = await asyncio.wait({task}, timeout=self._pace.turn_limit_s)
        is_invoke = activity.type == ActivityTypes.invoke
        if not done:
            # The work goes on. An invoke that is not answered by now is answered here, a message is just accepted.
            return web.Response(status=503, headers=_RETRY_AFTER) if is_invoke else web.Response(status=202)
        failed = not await task
        if not is_invoke:
            return web.Response(status=200)
        return _invoke_response(context, failed)

    async def _turn(self, context: TurnContext, turn: Turn) -> bool:
        """Run the turn with a typing sign if it takes long; False if it broke. Never raises."""
        turn_id = str(uuid4())
        with structlog.contextvars.bound_contextvars(turn=turn_id):
            typing = self.spawn(self._type_after_a_while(context))
            try:
                await self.run_pipeline(context, turn)
            except MfaBotError as error:
                log_error(_log, error)
                return False
            except Exception:  # noqa: BLE001
                # The last resort: nothing that a turn does may take the server down or reach the caller as a trace.
                _log.exception("a turn broke")
                return False
            finally:
                typing.cancel()
        return True

    async def _type_after_a_while(self, context: TurnContext) -> None:
        await asyncio.sleep(self._pace.typing_after_s)
        # An invoke is answered in its own way; an event is a turn of our own, which answers an earlier message.
        if not context.responded and context.activity.type in {ActivityTypes.message, ActivityTypes.event}:
            with suppress(MfaBotError):
                await self._deliver(
                    TurnContext.apply_conversation_reference(
                        Activity(type=ActivityTypes.typing),
                        TurnContext.get_conversation_reference(context.activity),
                    )
                )

    async def resume(self, reference: ConversationReference, turn: Turn) -> None:
        """A turn of our own in the conversation of ``reference``, e.g. once a sign-in is done. Never raises."""
        activity = TurnContext.apply_conversation_reference(
            Activity(type=ActivityTypes.event, name="resume", id=reference.activity_id), reference, is_incoming=True
        )
        await self._turn(TurnContext(self, activity), turn)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` in the background, waited for at shutdown."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self) -> None:
        """Let what is under way finish, and what that begins, for at most the shutdown time; then cancel it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.shutdown_s):
                while self._tasks:
                    await asyncio.wait(set(self._tasks))
        late = set(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def send_activities(self, context: TurnContext, activities: list[Activity]) -> list[ResourceResponse]:
        """The turn's way out: an invoke's answer stays in the turn, everything else goes to the connector."""
        sent = []
        for activity in activities:
            if activity.type == ActivityTypes.invoke_response:
                context.turn_state[_INVOKE_RESPONSE] = activity
                sent.append(ResourceResponse(id=""))
            else:
                sent.append(ResourceResponse(id=await self._deliver(activity)))
        return sent

    async def update_activity(self, context: TurnContext, activity: Activity) -> ResourceResponse:  # noqa: ARG002
        """Replace an activity that was sent before."""
        updated = await self._connector.update(self._allowed(activity), activity.conversation.id, to_json(activity))
        return ResourceResponse(id=updated)

    async def delete_activity(self, context: TurnContext, reference: ConversationReference) -> None:  # noqa: ARG002
        """Remove an activity that was sent before."""
        await self._connector.delete(self._allowed(reference), reference.conversation.id, reference.activity_id)

    async def _deliver(self, activity: Activity) -> str:
        return await self._connector.send(self._allowed(activity), activity.conversation.id, to_json(activity))

    def _allowed(self, addressed: Activity | ConversationReference) -> str:
        """The service URL, checked once more: a stored conversation may be older than the allow-list."""
        service_url: str = addressed.service_url or ""
        if not self._auth.may_send_to(service_url):
            raise ChannelError(403, "the service URL is not on the allow-list")
        return service_url


async def _read(request: web.Request) -> bytes:
    """The body, given up as soon as it is too long: a chunked one announces no length."""
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise ChannelError(413, "the body is too large")
    except (web.RequestPayloadError, ClientPayloadError):
        raise ChannelError(400, "the body is broken or not encoded as it says") from None
    return bytes(body)


def _parse(raw: bytes) -> object:
    try:
        # Decoded here, since json would take other encodings and lone surrogates for text.
        body = json.loads(raw.decode())
        if b"\\u" in raw:
            # An escaped lone surrogate is JSON, but no text that could be stored or sent again.
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ChannelError(400, "the body is not JSON") from None
    return body


def _invoke_response(context: TurnContext, failed: bool) -> web.Response:
    activity = context.turn_state.get(_INVOKE_RESPONSE)
    answer = activity.value if activity is not None else None
    if not isinstance(answer, InvokeResponse):
        # 501 is the protocol's word for an invoke that the bot does not know.
        return web.Response(status=503, headers=_RETRY_AFTER) if failed else web.Response(status=501)
    if answer.body is None:
        return web.Response(status=answer.status)
    return web.json_response(answer.body, status=answer.status)
