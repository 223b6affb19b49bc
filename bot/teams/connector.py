"""Replies out: one shared session, the bot's own token, a bounded retry."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp

from bot.errors import Throttled, Unavailable, UnexpectedAnswer, UpstreamError
from bot.identity import BotToken
from bot.retry import RetryPolicy, parse_retry_after
from bot.telemetry import get_logger

__all__ = ["Connector"]

_log = get_logger(__name__)

# 412 is a passing conflict inside the connector, unrelated to the sign-in's 412
# (https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit).
_RETRY = frozenset({412, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    activity_id: str
    retry_after_s: float | None = None


class Connector:
    """Sends, updates and deletes activities of a conversation.

    Args:
        session: shared, with time-outs; closed by its owner.
        token: the bot's own.
        retry: how often and how long to try one call.
        observe: called with the status of every answer (0 for none), for the metrics.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        token: BotToken,
        *,
        retry: RetryPolicy,
        observe: Callable[[int], None] = lambda status: None,
    ) -> None:
        self._session = session
        self._token = token
        self._retry = retry
        self._observe = observe

    async def send(self, service_url: str, conversation_id: str, activity: dict[str, Any]) -> str:
        """Post ``activity``; the id that the connector gave it. Raises ``MfaBotError`` if it can't be delivered."""
        path = f"/v3/conversations/{quote(conversation_id, safe='')}/activities"
        if reply_to := activity.get("replyToId"):
            path += f"/{quote(str(reply_to), safe='')}"
        return await self._perform("POST", service_url.rstrip("/") + path, activity)

    async def update(self, service_url: str, conversation_id: str, activity: dict[str, Any]) -> str:
        """Replace the activity of that id."""
        return await self._perform("PUT", self._one(service_url, conversation_id, str(activity["id"])), activity)

    async def delete(self, service_url: str, conversation_id: str, activity_id: str) -> None:
        """Remove the activity of that id."""
        await self._perform("DELETE", self._one(service_url, conversation_id, activity_id), None)

    @staticmethod
    def _one(service_url: str, conversation_id: str, activity_id: str) -> str:
        conversation, activity = quote(conversation_id, safe=""), quote(activity_id, safe="")
        return f"{service_url.rstrip('/')}/v3/conversations/{conversation}/activities/{activity}"

    async def _perform(self, method: str, url: str, body: dict[str, Any] | None) -> str:
        started, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            error: UpstreamError
            asked: float | None = None
            try:
                answer = await self._once(method, url, body)
            except Unavailable as lost:
                error = lost
            else:
                if 200 <= answer.status < 300:
                    return answer.activity_id
                error, asked = _error(answer), answer.retry_after_s
                if answer.status not in _RETRY and not (answer.status == 401 and attempt == 1):
                    raise error
            pause = self._retry.pause(attempt, asked, time.monotonic() - started)
            if pause is None:
                raise error
            await asyncio.sleep(pause)

    async def _once(self, method: str, url: str, body: dict[str, Any] | None) -> _Answer:
        token = await self._token.get()
        headers = {"Authorization": f"Bearer {token}", "x-ms-client-request-id": str(uuid4())}
        try:
            async with self._session.request(
                method, url, json=body, headers=headers, allow_redirects=False
            ) as response:
                answer = _Answer(
                    response.status,
                    _activity_id(await response.read()),
                    parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._observe(0)
            raise Unavailable("the connector did not answer", cause=type(error).__name__) from None
        self._observe(answer.status)
        if answer.status == 401:
            self._token.forget(token)
        _log.debug("connector call", method=method, status=answer.status)
        return answer


def _error(answer: _Answer) -> UpstreamError:
    if answer.status == 429:
        return Throttled("the connector", retry_after_s=answer.retry_after_s, status=answer.status)
    if answer.status >= 500 or answer.status == 412:
        return Unavailable("the connector", status=answer.status)
    return UnexpectedAnswer("the connector", status=answer.status)


def _activity_id(raw: bytes) -> str:
    try:
        body = json.loads(raw)
    except ValueError:
        return ""
    return str(body.get("id", "")) if isinstance(body, dict) else ""
