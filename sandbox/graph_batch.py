"""The envelope of ``POST /$batch``: https://learn.microsoft.com/graph/json-batching."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.faults import Answer
from sandbox.graph_resources import bad_request
from sandbox.tenant import Json

MAX_PARTS = 20


@dataclass(frozen=True)
class Part:
    """One request inside a batch; header names are in lower case."""

    id: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def parts(envelope: Any) -> list[Part]:
    """The parts of a batch.

    Raises:
        GraphError: the envelope is refused as a whole.
    """
    requests = envelope.get("requests") if isinstance(envelope, dict) else None
    if not isinstance(requests, list) or not requests:
        raise bad_request("Invalid batch payload format.")
    if len(requests) > MAX_PARTS:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {MAX_PARTS}.")
    read = [_part(request) for request in requests]
    if len({part.id.casefold() for part in read}) < len(read):
        raise bad_request("Request ids in a batch have to be unique, without regard to case.")
    return read


def envelope_of(answers: Sequence[tuple[str, Answer]]) -> Json:
    """The responses in reverse order: Graph promises none, so nobody may rely on one."""
    return {"responses": [_response(part_id, answer) for part_id, answer in reversed(answers)]}


def without_credentials(body: Any) -> Any:
    """A batch as the log may keep it: parts may carry headers of their own, Authorization among them."""
    if not isinstance(body, dict) or not isinstance(body.get("requests"), list):
        return body
    return body | {"requests": [_part_without_credentials(part) for part in body["requests"]]}


def _part(request: Any) -> Part:
    if not isinstance(request, dict):
        raise bad_request("Invalid batch payload format.")
    part_id, method, url = (request.get(name) for name in ("id", "method", "url"))
    if not (isinstance(part_id, str) and part_id and isinstance(method, str) and isinstance(url, str)):
        raise bad_request("Each request of a batch needs id, method and url.")
    if "dependsOn" in request:
        raise bad_request("The sandbox does not play dependsOn.")
    headers = request.get("headers") or {}
    if not isinstance(headers, dict):
        raise bad_request("Invalid batch payload format.")
    lowered = {str(name).casefold(): str(value) for name, value in headers.items()}
    body = json.dumps(request["body"]).encode() if "body" in request else b""
    return Part(part_id, method.upper(), url if url.startswith("/") else f"/{url}", lowered, body)


def _response(part_id: str, answer: Answer) -> Json:
    headers: dict[str, str] = {}
    for name, value in answer.header_pairs():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    response: Json = {"id": part_id, "status": answer.status, "headers": headers}
    if isinstance(answer.body, dict):
        headers.setdefault("Content-Type", "application/json")
    if answer.body is not None:
        response["body"] = answer.body.decode() if isinstance(answer.body, bytes) else answer.body
    return response


def _part_without_credentials(part: Any) -> Any:
    if not isinstance(part, dict) or not isinstance(part.get("headers"), dict):
        return part
    kept = {name: value for name, value in part["headers"].items() if name.casefold() != "authorization"}
    return part | {"headers": kept}
