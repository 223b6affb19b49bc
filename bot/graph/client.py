"""Graph over one shared aiohttp session: raw HTTP, since no SDK has a builder for ``signInPreferences``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import aiohttp

from bot.errors import MfaBotError, PersonNotFound, Throttled, Unavailable, UnexpectedAnswer, UpstreamError
from bot.graph.wire import (
    METHODS,
    PREFERENCES,
    GraphAnswer,
    batch_body,
    batch_parts,
    error_of,
    preferences_of,
    state_of,
)
from bot.mfa import DefaultMethod, MfaState, Oid, Preferences
from bot.retry import RetryPolicy, parse_retry_after
from bot.telemetry import get_logger

__all__ = ["GraphClient", "PatchOutcome"]

_log = get_logger(__name__)

# 500 and 502 are tried again only for reading: after a write nobody knows what happened, and a re-read tells more.
_RETRY_WRITE = frozenset({429, 503, 504})
_RETRY_READ = _RETRY_WRITE | {500, 502}


@dataclass(frozen=True, slots=True)
class PatchOutcome:
    """What Graph answered to a change. ``request_id`` is Graph's own, for Microsoft's support."""

    request_id: str | None


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    token: str
    body: Mapping[str, object] | None
    client_request_id: str
    retry_on: frozenset[int]


class GraphClient:
    """Reads and writes one person's default method with a token of the acting person.

    Args:
        session: shared, with time-outs; closed by its owner.
        base_url: e.g. ``https://graph.microsoft.com``, without a version.
        retry: how often and how long to try one call.
        observe: called with the status of every answer (0 for none), for the metrics.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        *,
        retry: RetryPolicy,
        observe: Callable[[int], None] = lambda status: None,
    ) -> None:
        self._session = session
        self._beta = f"{base_url}/beta"
        self._retry = retry
        self._observe = observe

    async def read_state(self, token: str, oid: Oid) -> MfaState:
        """Methods and preferences of ``oid`` in one round trip; a part that failed for a moment is asked again alone.

        Raises:
            SignInNeeded, StepUpNeeded, GraphRefused, PersonNotFound, UpstreamError.

        Source: ``POST /beta/$batch``, https://learn.microsoft.com/graph/json-batching
        """
        good: dict[str, GraphAnswer] = {}
        started, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            wanted = [part for part in (METHODS, PREFERENCES) if part not in good]
            call = _Call("POST", "/$batch", token, batch_body(oid, wanted), str(uuid4()), _RETRY_READ)
            parts = batch_parts(await self._perform(call))
            good |= {part: parts[part] for part in wanted if part in parts and parts[part].status == 200}
            failed = [parts.get(part) for part in wanted if part not in good]
            if not failed:
                return state_of(good[METHODS], good[PREFERENCES])
            await self._pause_or_raise(failed, attempt, started)

    async def _pause_or_raise(self, failed: list[GraphAnswer | None], attempt: int, started: float) -> None:
        for answer in failed:
            if answer is None:
                raise UnexpectedAnswer("a part of the batch is missing")
            if answer.status not in _RETRY_READ:
                raise _reading_error(answer)
        waits = [_asked_pause(answer) for answer in failed if answer]
        asked = max((wait for wait in waits if wait is not None), default=None)
        pause = self._retry.pause(attempt, asked, time.monotonic() - started)
        if pause is None:
            assert failed[0] is not None
            raise _reading_error(failed[0])
        await asyncio.sleep(pause)

    async def read_preferences(self, token: str, oid: Oid) -> Preferences:
        """The preferences alone, once and without retries: for looking whether a change has arrived.

        Raises:
            SignInNeeded, StepUpNeeded, GraphRefused, PersonNotFound, UpstreamError.
        """
        path = f"/users/{oid}/authentication/signInPreferences"
        answer = await self._once(_Call("GET", path, token, None, str(uuid4()), frozenset()))
        if answer.status != 200:
            raise _reading_error(answer)
        return preferences_of(answer)

    async def set_default_method(
        self, token: str, oid: Oid, method: DefaultMethod, *, client_request_id: str
    ) -> PatchOutcome:
        """Make ``method`` the stored default of ``oid``; returns once Graph has answered 2xx, usually 204.

        The stored value may have no visible effect while system-preferred MFA is on.

        Raises:
            MethodRefused, GraphRefused, PersonNotFound, SignInNeeded, StepUpNeeded: nothing was changed.
            UpstreamError: it is not known whether it was changed; a throttled write may have been applied as well, and
                one that was refused when it was tried again, too.

        Source: ``PATCH /beta/users/{id}/authentication/signInPreferences``,
        https://learn.microsoft.com/graph/api/authentication-update
        """
        path = f"/users/{oid}/authentication/signInPreferences"
        body = {"userPreferredMethodForSecondaryAuthentication": method.value}
        answer = await self._perform(_Call("PATCH", path, token, body, client_request_id, _RETRY_WRITE))
        return PatchOutcome(answer.request_id)

    async def _perform(self, call: _Call) -> GraphAnswer:
        """The first 2xx answer within the retry policy, else the error of the last one."""
        started, attempt = time.monotonic(), 0
        in_doubt = False
        while True:
            attempt += 1
            error: MfaBotError
            asked: float | None = None
            try:
                answer = await self._once(call)
            except Unavailable as lost:
                error = lost
            else:
                if 200 <= answer.status < 300:
                    return answer
                error = error_of(answer) if call.method == "PATCH" else _reading_error(answer)
                asked = _asked_pause(answer)
                if answer.status not in call.retry_on:
                    raise (
                        Unavailable("refused, but an earlier try may have taken", status=answer.status)
                        if (in_doubt and not isinstance(error, UpstreamError))
                        else error
                    )
            in_doubt = in_doubt or (call.method == "PATCH" and not isinstance(error, Throttled))
            pause = self._retry.pause(attempt, asked, time.monotonic() - started)
            if pause is None:
                raise error
            await asyncio.sleep(pause)

    async def _once(self, call: _Call) -> GraphAnswer:
        headers = {"Authorization": f"Bearer {call.token}", "client-request-id": call.client_request_id}
        started = time.monotonic()
        try:
            async with self._session.request(
                call.method, self._beta + call.path, json=call.body, headers=headers, allow_redirects=False
            ) as response:
                answer = await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._observe(0)
            # The text of a client error can hold the URL, never the token: that is in a header.
            raise Unavailable("Graph did not answer", cause=type(error).__name__) from None
        self._observe(answer.status)
        _log.info(
            "graph call",
            method=call.method,
            path=call.path,
            status=answer.status,
            ms=round((time.monotonic() - started) * 1000),
            request_id=answer.request_id,
            client_request_id=call.client_request_id,
        )
        return answer


async def _read(response: aiohttp.ClientResponse) -> GraphAnswer:
    raw = await response.read()
    try:
        body = json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        body = None
    return GraphAnswer(
        status=response.status,
        body=body if isinstance(body, dict) else None,
        retry_after=response.headers.get("Retry-After"),
        challenges=tuple(response.headers.getall("WWW-Authenticate", [])),
        request_id=response.headers.get("request-id"),
    )


def _reading_error(answer: GraphAnswer) -> MfaBotError:
    """For a read, any other 4xx is nobody's choice of method but an answer that we can't explain."""
    if answer.status == 404:
        return PersonNotFound(status=answer.status, request_id=answer.request_id)
    if answer.status in {401, 403, 429} or answer.status >= 500:
        return error_of(answer)
    return UnexpectedAnswer("Graph", status=answer.status, request_id=answer.request_id)


def _asked_pause(answer: GraphAnswer) -> float | None:
    return parse_retry_after(answer.retry_after, datetime.now(UTC))
