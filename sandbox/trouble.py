"""Situations in which a service gives no proper answer: too busy, slow, or not there."""

from __future__ import annotations

import asyncio

from sandbox.faults import Answer, Call, ConnectionDropped
from sandbox.situations import Down, Situations, Slow, Throttled


class GraphTrouble:
    """For Graph: https://learn.microsoft.com/graph/throttling and https://learn.microsoft.com/graph/errors."""

    def __init__(self, situations: Situations) -> None:
        self._situations = situations

    async def ask(self, call: Call) -> Answer | None:
        """The answer that the situation of the caller has for a request.

        Raises:
            ConnectionDropped: there is to be none.
        """
        slow = self._situations.find(Slow, call.person_oid)
        if slow and slow.graph:
            await asyncio.sleep(slow.seconds)
        down = self._situations.find(Down, call.person_oid)
        if down and down.graph:
            return _down(down, _graph_error("serviceNotAvailable", "The service is temporarily unavailable."))
        throttled = self._situations.find(Throttled, call.person_oid)
        if throttled and throttled.graph:
            error = _graph_error("TooManyRequests", "Too many requests.")
            return Answer(429, {"Retry-After": str(throttled.retry_after_s)}, error)
        return None


class EntraTrouble:
    """For the token endpoint; metadata, keys and pages go on."""

    def __init__(self, situations: Situations) -> None:
        self._situations = situations

    async def ask(self, call: Call) -> Answer | None:
        """The answer that the situation of the asserted person has for a request.

        Raises:
            ConnectionDropped: there is to be none.
        """
        if not call.path.endswith("/token"):
            return None
        slow = self._situations.find(Slow, call.person_oid)
        if slow and slow.entra:
            await asyncio.sleep(slow.seconds)
        down = self._situations.find(Down, call.person_oid)
        if down and down.entra:
            return _down(down, _entra_error("temporarily_unavailable", 90033, "A transient error has occurred."))
        throttled = self._situations.find(Throttled, call.person_oid)
        if throttled and throttled.entra:
            error = _entra_error("temporarily_unavailable", 90055, "Too many requests.")
            return Answer(429, {"Retry-After": str(throttled.retry_after_s)}, error)
        return None


def _down(down: Down, body: dict[str, object]) -> Answer:
    if down.drop:
        raise ConnectionDropped
    return Answer(503, body=body)


def _graph_error(code: str, message: str) -> dict[str, object]:
    return {"error": {"code": code, "message": message}}


def _entra_error(error: str, number: int, text: str) -> dict[str, object]:
    return {"error": error, "error_description": f"AADSTS{number}: {text}", "error_codes": [number]}
