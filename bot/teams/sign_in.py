"""Single sign-on: the sign-in card, ``signin/tokenExchange``, and what each delivery is answered.

Source: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/authentication/bot-sso-code
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from botbuilder.core import TurnContext
from botbuilder.schema import Activity, ActivityTypes, Attachment

from bot.change import Origin
from bot.commands import Command, command_to_json
from bot.errors import (
    BotMisconfigured,
    MfaBotError,
    SignInError,
    SignInRefused,
    StepUpNeeded,
    UpstreamError,
    WrongPerson,
)
from bot.identity import SELF_SCOPES, SsoValidator, UserTokens
from bot.locale import Texts
from bot.mfa import Person
from bot.store import PendingCommand, Store
from bot.telemetry import get_logger, log_error

__all__ = ["Exchange", "SignIn"]

_log = get_logger(__name__)
_OAUTH_CARD = "application/vnd.microsoft.card.oauth"
_MAX_ID = 64


@dataclass(frozen=True, slots=True)
class Exchange:
    """How one delivery ended: the invoke's status and body, and what is to be done now by whoever gets it."""

    status: int
    body: dict[str, Any] | None = None
    person: Person | None = None
    """Set when the person is signed in; more is known of them than from the channel."""
    pending: tuple[PendingCommand, ...] = ()
    """The commands that waited, in their order, for the first delivery that claims them."""
    error: MfaBotError | None = None
    """What to tell in the chat together with ``pending``."""


class SignIn:
    """Asks Teams for a token and takes it."""

    def __init__(self, store: Store, sso: SsoValidator, tokens: UserTokens) -> None:
        self._store = store
        self._sso = sso
        self._tokens = tokens
        # Deliveries of one exchange take turns: the second finds what the first has got.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ask(
        self,
        context: TurnContext,
        person: Person,
        command: Command,
        origin: Origin,
        texts: Texts,
        *,
        attempts: int,
        card_activity_id: str | None,
    ) -> None:
        """Keep ``command`` and send a sign-in card; Teams answers it silently where it can.

        Raises:
            StoreUnavailable: the command could not be kept.
            UpstreamError: the card could not be sent.
        """
        pending = PendingCommand(
            id=str(uuid4()),
            tid=person.tid,
            oid=person.oid,
            command=command_to_json(command),
            conversation_id=origin.conversation_id,
            message_key=origin.key,
            attempts=attempts,
            card_activity_id=card_activity_id,
        )
        await self._store.remember_pending(pending)
        await context.send_activity(_sign_in_card(pending.id, texts))

    async def exchange(self, value: object, person: Person, conversation_id: str) -> Exchange:
        """Take the token of one ``signin/tokenExchange`` that came from ``conversation_id``.

        412 makes this client show the card; it is answered only where the person must act. Trouble of another kind
        is told in the chat, once.
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
                signed_in = await self._take(token, person)
            except (SignInError, UpstreamError) as error:
                log_error(_log, error)
                return await self._failed(exchange_id, person, conversation_id, error)
        return Exchange(200, person=signed_in, pending=await self.claim(signed_in, conversation_id))

    async def claim(self, person: Person, conversation_id: str) -> tuple[PendingCommand, ...]:
        """The commands that wait for ``person``, for the first who asks.

        Raises:
            StoreUnavailable: they can't be read.
        """
        return tuple(await self._store.claim_pending(person, conversation_id))

    async def _take(self, token: str, person: Person) -> Person:
        sso = await self._sso.validate(token, person)
        await self._tokens.exchange(sso, SELF_SCOPES)
        return sso.person

    async def _failed(self, exchange_id: str, person: Person, conversation_id: str, error: MfaBotError) -> Exchange:
        if isinstance(error, (StepUpNeeded, SignInRefused, WrongPerson)):
            return Exchange(412, _failure(exchange_id, error.log_sentence))
        pending = await self.claim(person, conversation_id)
        if isinstance(error, (UpstreamError, BotMisconfigured)):
            return Exchange(503, _failure(exchange_id, error.log_sentence), pending=pending, error=error)
        # Signing in again would end the same way, so no client shall offer it.
        return Exchange(200, pending=pending, error=error)


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
