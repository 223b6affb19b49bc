"""What Graph's answers mean: bodies to the domain, refusals to our errors. Pure.

Sources: https://learn.microsoft.com/graph/api/authentication-get (beta),
https://learn.microsoft.com/graph/json-batching, https://learn.microsoft.com/graph/errors,
https://learn.microsoft.com/entra/identity-platform/claims-challenge
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.errors import (
    GraphRefused,
    MethodRefused,
    MfaBotError,
    PersonNotFound,
    SignInNeeded,
    StepUpNeeded,
    Throttled,
    Unavailable,
    UnexpectedAnswer,
)
from bot.mfa import MfaState, Oid, Preferences, RegisteredMethod
from bot.retry import parse_retry_after

__all__ = [
    "METHODS",
    "PREFERENCES",
    "GraphAnswer",
    "batch_body",
    "batch_parts",
    "challenge_of",
    "error_of",
    "preferences_of",
    "state_of",
]

METHODS, PREFERENCES = "methods", "preferences"
_PATHS = {METHODS: "authentication/methods", PREFERENCES: "authentication/signInPreferences"}


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """One answer of Graph's, alone or as a part of a batch. ``body`` is None where it was not a JSON object."""

    status: int
    body: Mapping[str, object] | None = None
    retry_after: str | None = None
    challenges: tuple[str, ...] = field(default=())
    """Every ``WWW-Authenticate`` header: there may be several."""
    request_id: str | None = None


def batch_body(oid: Oid, parts: Iterable[str]) -> dict[str, object]:
    """The ``$batch`` request that reads ``parts`` (``METHODS``, ``PREFERENCES``) of one person."""
    return {"requests": [{"id": part, "method": "GET", "url": f"/users/{oid}/{_PATHS[part]}"} for part in parts]}


def batch_parts(answer: GraphAnswer) -> dict[str, GraphAnswer]:
    """The parts of a batch by id; they come in any order, each with a status of its own.

    Raises:
        UnexpectedAnswer: no batch.
    """
    responses = (answer.body or {}).get("responses")
    if not isinstance(responses, list):
        raise UnexpectedAnswer("a batch without responses", status=answer.status)
    return {
        str(part.get("id")): _part(part)
        for part in responses
        if isinstance(part, dict) and isinstance(part.get("status"), int)
    }


def _part(part: Mapping[str, object]) -> GraphAnswer:
    raw = part.get("headers")
    headers = {str(name).lower(): str(value) for name, value in raw.items()} if isinstance(raw, dict) else {}
    body = part.get("body")
    status = part["status"]
    assert isinstance(status, int)
    return GraphAnswer(
        status=status,
        body=body if isinstance(body, dict) else None,
        retry_after=headers.get("retry-after"),
        challenges=(headers["www-authenticate"],) if "www-authenticate" in headers else (),
        request_id=headers.get("request-id"),
    )


def state_of(methods: GraphAnswer, preferences: GraphAnswer) -> MfaState:
    """The state that the two good answers describe.

    Raises:
        UnexpectedAnswer: the list of methods is not a list of objects.
    """
    rows = (methods.body or {}).get("value")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnexpectedAnswer("no list of methods", status=methods.status)
    return MfaState(preferences_of(preferences), tuple(RegisteredMethod.from_graph(row) for row in rows))


def preferences_of(answer: GraphAnswer) -> Preferences:
    """The preferences in a good answer.

    Raises:
        UnexpectedAnswer: not a JSON object.
    """
    if answer.body is None:
        raise UnexpectedAnswer("no preferences", status=answer.status)
    return Preferences.from_graph(answer.body)


def error_of(answer: GraphAnswer) -> MfaBotError:
    """The error that an answer other than 2xx stands for. Graph's own message is never shown nor branched on."""
    facts: dict[str, Any] = {"status": answer.status, "code": _code(answer.body), "request_id": answer.request_id}
    if answer.status in {401, 403}:
        return _refusal(answer, facts)
    if answer.status == 429:
        retry_after_s = parse_retry_after(answer.retry_after, datetime.now(UTC))
        return Throttled("Graph", retry_after_s=retry_after_s, **facts)
    if answer.status >= 500:
        return Unavailable("Graph", **facts)
    if answer.status == 404 and facts["code"] in {"Request_ResourceNotFound", "ResourceNotFound"}:
        return PersonNotFound(**facts)
    if 400 <= answer.status < 500:
        return MethodRefused(**facts)
    return UnexpectedAnswer("Graph", **facts)


def _refusal(answer: GraphAnswer, facts: dict[str, Any]) -> MfaBotError:
    # A policy may surface as 403, so the challenge is looked for in both (https://learn.microsoft.com/graph/errors).
    claims = challenge_of(answer.challenges)
    if claims is not None:
        return StepUpNeeded("Graph sent a claims challenge", claims=claims, **facts)
    if answer.status == 401:
        return SignInNeeded("Graph did not take the token", **facts)
    return GraphRefused(**facts)


_CLAIMS = re.compile(r'claims="([^"]*)"')


def challenge_of(headers: Iterable[str]) -> str | None:
    """The claims of the first challenge in ``WWW-Authenticate`` headers as a JSON string; None without one."""
    for header in headers:
        found = _CLAIMS.search(header)
        if found and "insufficient_claims" in header:
            encoded = found[1].replace("-", "+").replace("_", "/").rstrip("=")
            try:
                claims = base64.b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
                is_challenge = isinstance(json.loads(claims), dict)
            except (binascii.Error, ValueError, RecursionError):
                continue
            if is_challenge:
                return claims
    return None


def _code(body: Mapping[str, object] | None) -> str:
    error = (body or {}).get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) else ""
