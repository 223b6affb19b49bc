"""Single sign-on: the sign-in card, ``signin/tokenExchange``, and what each delivery is answered.

Source: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/authentication/bot-sso-code
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from botbuilder.core import TurnContext
from botbuilder.schema import Activity, ActivityTypes, Attachment

from bot.errors import (
    BotMisconfigured,
    MfaBotError,
    SignInError,
    SignInRefused,
    StepUpNeeded,
    StoreUnavailable,
    UpstreamError,
    WrongPerson,
)
from bot.identity import SELF_SCOPES, SsoValidator, UserTokens
from bot.locale import Texts
from bot.mfa import Person
from bot.settings import Pace
from bot.store import Inbox, PendingCommand
from bot.telemetry import get_logger, log_error

__all__ = ["Exchange", "SignIn"]

_log = get_logger(__name__)
_OAUTH_CARD = "application/vnd.microsoft.card.oauth"
_MAX_ID = 64


@dataclass(frozen=True, slots=True)
class Exchange:
    """How one delivery ended: the invoke's status and body, and what it means for the command that waits."""

    status: int
    body: dict[str, Any] | None = None
    id: str | None = None
    """Which sign-in card it answers; None for all of the person's."""
    person: Person | None = None
    """Set when the person is signed in; more is known of them than from the channel."""
    error: MfaBotError | None = None
    """Why the person is not signed in."""


class SignIn:
    """Asks Teams for a token and takes it."""

    def __init__(self, inbox: Inbox, sso: SsoValidator, tokens: UserTokens, pace: Pace) -> None:
        self._inbox = inbox
        self._sso = sso
        self._tokens = tokens
        self._pace = pace
        # Deliveries of one exchange take turns: the second finds what the first has got.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ask(self, context: TurnContext, command: PendingCommand, texts: Texts) -> None:
        """Keep ``command`` and send a sign-in card; Teams answers it silently where it can.

        Raises:
            StoreUnavailable: the command could not be kept.
            UpstreamError: the card could not be sent.
        """
        await self._inbox.await_sign_in(command)
        await context.send_activity(_sign_in_card(command.id, texts))

    async def exchange(self, value: object, person: Person) -> Exchange:
        """Take the token of one ``signin/tokenExchange``.

        412 makes this client show the card; it is answered only where the person must act. What waits is not touched:
        another of the person's clients may still bring a good token.
        """
        request = value if isinstance(value, dict) else {}
        exchange_id, token = request.get("id"), request.get("token")
        if not isinstance(exchange_id, str) or not 0 < len(exchange_id) <= _MAX_ID:
            return Exchange(400)
        if not isinstance(token, str) or not token:
            return Exchange(400, _failure(exchange_id, "there is no token"))
        lock = self._locks.setdefault(exchange_id, asyncio.Lock())
        async with lock:
            try:
                return Exchange(200, id=exchange_id, person=await self._take(token, person))
            except (SignInError, UpstreamError) as error:
                log_error(_log, error)
                status = _status_of(error)
                body = None if status == 200 else _failure(exchange_id, error.log_sentence)
                return Exchange(status, body, exchange_id, error=error)

    async def claim(self, person: Person, conversation_id: str, exchange_id: str | None) -> list[PendingCommand]:
        """The commands that wait for ``person``, for the first who asks; a busy database is asked again.

        Raises:
            StoreUnavailable: they can't be read.
        """
        # One that is silent costs its time limit at each try, and what the person says next waits for this.
        give_up_at = time.monotonic() + self._pace.claim_s
        claim = partial(self._inbox.claim, person, conversation_id, exchange_id, claim_id=str(uuid4()))
        for pause_s in self._pace.store_pauses_s:
            try:
                return await claim()
            except StoreUnavailable as error:
                if time.monotonic() + pause_s > give_up_at:
                    raise
                log_error(_log, error)
                await asyncio.sleep(pause_s)
        return await claim()

    async def _take(self, token: str, person: Person) -> Person:
        sso = await self._sso.validate(token, person)
        await self._tokens.exchange(sso, SELF_SCOPES)
        return sso.person


def _status_of(error: MfaBotError) -> int:
    """What a client is answered whose token brought ``error``."""
    if isinstance(error, (StepUpNeeded, SignInRefused, WrongPerson)):
        return 412
    if isinstance(error, (UpstreamError, BotMisconfigured)):
        return 503
    # Signing in again would end the same way, so no client shall offer it.
    return 200


def _failure(exchange_id: str, detail: str) -> dict[str, Any]:
    return {"id": exchange_id, "connectionName": "", "failureDetail": detail}


def _sign_in_card(exchange_id: str, texts: Texts) -> Activity:
    text = texts.gettext(
        "I could not sign you in silently, and I can't open a sign-in page for you yet. Please send your message once "
        "more; if this happens again, tell your IT administrator."
    )
    # Clients show the card only if the silent way fails, so its text speaks of that. Without ``uri`` no client can
    # complain that it differs from the app's own.
    card = {"text": text, "connectionName": "", "buttons": [], "tokenExchangeResource": {"id": exchange_id}}
    return Activity(type=ActivityTypes.message, attachments=[Attachment(content_type=_OAUTH_CARD, content=card)])
