"""A card action to which the bot answers that the person has to sign in first.

https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/universal-actions-for-adaptive-cards/authentication-flow-in-universal-action-for-adaptive-cards
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from sandbox.card_reading import OAUTH_CARD
from sandbox.channel import PostResult
from sandbox.sso import Exchange
from sandbox.tenant import Json

LOGIN_REQUEST = "application/vnd.microsoft.activity.loginRequest"
PRECONDITION_FAILED = "application/vnd.microsoft.error.preconditionFailed"


@dataclass(frozen=True)
class WaitingAction:
    """A pressed button; ``state`` is what the sign-in page gave, once there was one."""

    message_id: str
    action: Json
    state: str | None = None

    @property
    def is_first(self) -> bool:
        """Whether the person has not been at the sign-in page for it."""
        return self.state is None

    def value(self, exchange: Exchange | None = None, token: str = "") -> Json:
        """The value of the invoke, with the client's token if there is an exchange."""
        value: Json = {"action": self.action, "trigger": "manual"}
        if exchange:
            value["authentication"] = {
                "id": exchange.id,
                "connectionName": exchange.connection_name,
                "token": token,
            }
        return value | ({} if self.state is None else {"state": self.state})


def login_request(result: PostResult) -> Json | None:
    """The OAuth card of an answer that asks for a sign-in, as an attachment.

    Clients may ignore one without a ``connectionName``; these do.
    """
    if not _is(result, HTTPStatus.UNAUTHORIZED, LOGIN_REQUEST):
        return None
    card = result.body.get("value")
    if not isinstance(card, dict) or not card.get("connectionName") or not card.get("buttons"):
        return None
    return {"contentType": OAUTH_CARD, "content": card}


def asks_for_sign_in(result: PostResult) -> bool:
    """Whether the bot could do nothing with the client's token, so that the button has to be shown."""
    return _is(result, HTTPStatus.PRECONDITION_FAILED, PRECONDITION_FAILED) or login_request(result) is not None


def _is(result: PostResult, status: int, kind: str) -> bool:
    body = result.body if result.status == HTTPStatus.OK and isinstance(result.body, dict) else {}
    return body.get("statusCode") == status and body.get("type") == kind
