"""Teams' single sign-on for bots, seen from the clients.

https://learn.microsoft.com/microsoftteams/platform/bots/how-to/authentication/bot-sso-overview. Every active
client of a person gets a token of its own and sends it; the bot answers each by HTTP status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus

from sandbox.card_reading import OAUTH_CARD
from sandbox.channel import PostResult
from sandbox.tenant import Json

SendInvoke = Callable[[str, Json], Awaitable[PostResult]]


@dataclass(frozen=True)
class Exchange:
    """What a sign-in card asks the clients to do without the person."""

    id: str
    connection_name: str


class Outcome(Enum):
    """What becomes of the sign-in card."""

    SIGNED_IN = auto()
    SHOW_CARD = auto()
    SHOW_NOTHING = auto()


def wanted_exchange(attachments: Sequence[Json]) -> Exchange | None:
    """The exchange that a message asks for: it has an OAuth card with a ``tokenExchangeResource.id``."""
    for attachment in attachments:
        content = attachment.get("content")
        if attachment["contentType"] != OAUTH_CARD or not isinstance(content, dict):
            continue
        if isinstance(content.get("tokenExchangeResource"), dict):
            exchange_id = content["tokenExchangeResource"].get("id")
            if exchange_id:
                return Exchange(str(exchange_id), str(content.get("connectionName") or ""))
    return None


async def exchange(wanted: Exchange, endpoints: int, fetch_token: Callable[[], str], send: SendInvoke) -> Outcome:
    """Every client sends its token at the same time; a 200 to any of them settles it.

    Otherwise a 412 shows the card. What Teams does about other statuses is not documented: it shows nothing.
    """

    async def one_client() -> int:
        value = {"id": wanted.id, "connectionName": wanted.connection_name, "token": fetch_token()}
        return (await send("signin/tokenExchange", value)).status

    statuses = await asyncio.gather(*(one_client() for _ in range(endpoints)))
    if HTTPStatus.OK in statuses:
        return Outcome.SIGNED_IN
    return Outcome.SHOW_CARD if HTTPStatus.PRECONDITION_FAILED in statuses else Outcome.SHOW_NOTHING


async def report_failure(endpoints: int, send: SendInvoke, code: str = "tokenmissing") -> list[PostResult]:
    """Clients that get no token say so and show nothing; the bot's answers."""
    value = {"code": code, "message": _FAILURES.get(code, "Sign-in failed.")}
    return list(await asyncio.gather(*(send("signin/failure", value) for _ in range(endpoints))))


_FAILURES = {
    "tokenmissing": "Failed to get a token for the resource.",
    "resourcematchfailed": "Resource match failed",
}
