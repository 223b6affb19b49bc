"""What goes wrong on demand: answers in place of the simulated services' own, and a record of every call.

One ``Faults`` is shared by Entra, Graph, the connector and the managed identities' endpoint::

    sandbox.faults.add(graph("PATCH", "signInPreferences"), Answer(503, {"Retry-After": "0.2"}))
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sandbox.tenant import Json

Service = Literal["entra", "graph", "connector", "identity"]
Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Call:
    """One request to a service.

    ``person_oid`` is whose token or conversation it is, as far as the caller claims. ``detail`` is the JSON
    body, or for the token endpoint ``grant_type``, ``scope``, ``client_id`` and ``claims``; it never holds a
    token or a secret.
    """

    service: Service
    method: str
    path: str
    person_oid: str | None = None
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a service answers. ``headers`` may be pairs, where one name is wanted twice.

    ``delay_s`` passes before it is sent; ``drop`` closes the connection instead (aiohttp's client then
    repeats a GET once, so it takes two such answers to make one fail).
    """

    status: int = 500
    headers: Headers = field(default_factory=dict)
    body: Json | str | bytes | None = None
    delay_s: float = 0.0
    drop: bool = False

    def header_pairs(self) -> list[tuple[str, str]]:
        """The headers as pairs."""
        return list(self.headers.items()) if isinstance(self.headers, Mapping) else list(self.headers)


Match = Callable[[Call], bool]
AnswerMaker = Callable[[Call], Awaitable[Answer | None]]


class ConnectionDropped(Exception):
    """The fault asked for a closed connection."""


@dataclass
class Fault:
    """One rule; ``used`` counts the calls that it met."""

    match: Match
    answer: Answer | AnswerMaker
    times: int | None
    used: int = 0

    def applies(self, call: Call) -> bool:
        """Whether this rule is not used up and means this call."""
        return (self.times is None or self.used < self.times) and self.match(call)


class Faults:
    """The rules, asked in the order in which they were added, and every call so far."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._faults: list[Fault] = []

    def add(self, match: Match, answer: Answer | AnswerMaker, times: int | None = 1) -> Fault:
        """Answer the next ``times`` matching calls (all of them if None) with ``answer``.

        A callable may await something first, to hold the call, and return None to let the call go on: to the
        next rule that matches, or to the service itself.
        """
        fault = Fault(match, answer, times)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget the rules; the calls stay recorded."""
        self._faults.clear()

    def seen(self, match: Match) -> list[Call]:
        """The recorded calls that match."""
        return [call for call in self.calls if match(call)]

    async def ask(self, call: Call) -> Answer | None:
        """Record the call; the answer that a rule has for it, or None.

        Raises:
            ConnectionDropped: the answer is to give none.
        """
        self.calls.append(call)
        for fault in list(self._faults):
            if not fault.applies(call):
                continue
            fault.used += 1
            answer = fault.answer if isinstance(fault.answer, Answer) else await fault.answer(call)
            if answer is not None:
                return await _play(answer)
        return None


async def _play(answer: Answer) -> Answer:
    if answer.delay_s > 0:
        await asyncio.sleep(answer.delay_s)
    if answer.drop:
        raise ConnectionDropped
    return answer


def graph(method: str | None = None, path_part: str = "") -> Match:
    """Matches Graph calls, batch parts included, by method and by a part of the path."""
    return _service("graph", method, path_part)


def connector(method: str | None = None, path_part: str = "") -> Match:
    """Matches calls to the Bot Connector and to the channel's OpenID pages."""
    return _service("connector", method, path_part)


def token(grant: str = "") -> Match:
    """Matches requests to Entra's token endpoint by a part of the grant type, such as ``jwt-bearer``."""
    posts = _service("entra", "POST", "/token")
    return lambda call: posts(call) and grant in str(call.detail.get("grant_type"))


def identity() -> Match:
    """Matches requests for a managed identity's token."""
    return _service("identity", None, "")


def _service(service: Service, method: str | None, path_part: str) -> Match:
    return lambda call: call.service == service and method in (None, call.method) and path_part in call.path
