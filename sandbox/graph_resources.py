"""What Graph beta does with a person's methods and preferences, apart from HTTP.

https://learn.microsoft.com/graph/api/authentication-get?view=graph-rest-beta,
https://learn.microsoft.com/graph/api/authentication-update?view=graph-rest-beta and
https://learn.microsoft.com/graph/api/authentication-list-methods?view=graph-rest-beta
"""

from __future__ import annotations

import json
from typing import Any

from sandbox import roles
from sandbox.faults import Answer
from sandbox.methods import DEFAULT_METHODS, possible_defaults
from sandbox.tenant import PREFERRED, SYSTEM_PREFERRED_ENABLED, Json, SandboxPerson


class GraphError(Exception):
    """A refusal by Graph; with ``claims`` it is a challenge that a token with these would meet."""

    def __init__(self, status: int, code: str, message: str, claims: Json | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.claims = claims


def forbidden() -> GraphError:
    """These APIs give one text for every refusal: missing scope, missing role, target too privileged."""
    return GraphError(403, "accessDenied", "Request Authorization failed")


def bad_request(message: str) -> GraphError:
    """The request makes no sense to Graph. It documents no codes for this resource."""
    return GraphError(400, "badRequest", message)


def preferences(target: SandboxPerson, context_url: str) -> Answer:
    """GET signInPreferences; it is a read of a store that may answer the old value for a while."""
    context = f"{context_url}#users('{target.oid}')/authentication/signInPreferences"
    return Answer(200, body={"@odata.context": context, **target.read_preferences()})


def update_preferences(target: SandboxPerson, body: Any) -> Answer:
    """PATCH signInPreferences: 204 and nothing else, if its one property names a registered method."""
    if not isinstance(body, dict):
        raise bad_request("Empty or malformed payload: a JSON object is expected.")
    if SYSTEM_PREFERRED_ENABLED in body:
        raise forbidden()  # a switch of the policy's kind, not the person's
    unknown = sorted(body.keys() - {PREFERRED})
    if unknown or not body:
        raise bad_request(f"Invalid property in payload: {', '.join(unknown) or 'there is none'}.")
    target.set_default(_accepted(target, body[PREFERRED]))
    return Answer(204)


def methods(target: SandboxPerson, reader: SandboxPerson, context_url: str) -> Answer:
    """GET methods; an Authentication Administrator sees other people's phone numbers masked."""
    rows = target.methods
    if reader is not target and roles.sees_masked_numbers(reader.roles):
        rows = [_masked(row) for row in rows]
    context = f"{context_url}#users('{target.oid}')/authentication/methods"
    return Answer(200, body={"@odata.context": context, "value": [dict(row) for row in rows]})


def parsed(body: bytes, content_type: str) -> Any:
    """A request body as JSON; Graph wants it declared as such."""
    if content_type.partition(";")[0].strip().casefold() == "application/json":
        try:
            return json.loads(body)
        except ValueError:
            pass
    raise bad_request(
        "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of "
        "valid JSON format."
    )


def _accepted(target: SandboxPerson, value: Any) -> str:
    """The value, if it is one of the enum's (spelled exactly so) and the person has registered what it needs.

    That an unregistered method fails is known from public scripts; the status is this sandbox's choice.
    """
    if not isinstance(value, str) or value not in DEFAULT_METHODS:
        raise bad_request(f"Requested value {json.dumps(value)} was not found.")
    if value not in possible_defaults(target.methods):
        raise bad_request("The requested authentication method is not registered for the user.")
    return value


def _masked(row: Json) -> Json:
    """The row with its phone number hidden but for two digits; how Graph masks is not documented."""
    number = row.get("phoneNumber")
    if not isinstance(number, str):
        return row
    country, _, rest = number.partition(" ")
    return row | {"phoneNumber": f"{country} {'X' * (len(rest) - 2)}{rest[-2:]}"}
