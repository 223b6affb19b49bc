"""Signing people in: the cards that ask for it, and what comes back to them from Teams.

Source: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/authentication/bot-sso-code
"""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from botbuilder.core import TurnContext
from botbuilder.schema import Activity, ActivityTypes, Attachment

from bot.errors import (
    AppNotFound,
    AssertionExpired,
    BotMisconfigured,
    MfaBotError,
    SignInCancelled,
    SignInError,
    SignInRefused,
    StepUpNeeded,
    StoreUnavailable,
    Unavailable,
    UpstreamError,
)
from bot.identity import SELF_SCOPES, SsoValidator, UserTokens
from bot.locale import Reader
from bot.mfa import Person
from bot.page_sign_in import PageSignIns
from bot.settings import Pace
from bot.store import PendingCommand, SignInDemand, Store, Waiting
from bot.teams.answers import reader_of
from bot.telemetry import get_logger, log_error

__all__ = ["Exchange", "SignIn", "reported_failure"]

_log = get_logger(__name__)
_OAUTH_CARD = "application/vnd.microsoft.card.oauth"
_MAX_CODE = 64
# Ours are UUIDs; one that we never sent may look otherwise and does no harm.
_ID = re.compile(r"[!-~]{1,64}")
_MAX_HINT = 320


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
    """Asks Teams for a token, or the person for a sign-in on Entra's page, and takes what comes."""

    def __init__(self, store: Store, sso: SsoValidator, tokens: UserTokens, pages: PageSignIns, pace: Pace) -> None:
        self._store = store
        self._inbox = store.inbox
        self._sso = sso
        self._tokens = tokens
        self._pages = pages
        self._pace = pace
        # Deliveries of one exchange take turns: the second finds what the first has got.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # Asking

    async def ask(self, context: TurnContext, command: PendingCommand) -> None:
        """Keep ``command`` and send a sign-in card, which Teams answers silently where it can.

        Raises:
            StoreUnavailable: the command could not be kept.
            UpstreamError: the card could not be sent.
        """
        await self._ask(context, command)

    async def ask_for_page(self, context: TurnContext, command: PendingCommand, demand: SignInDemand) -> None:
        """Keep ``command`` and send a card whose button opens Entra's page.

        It does not let Teams try silently: that would only bring the same token again. Raises as ``ask``.
        """
        hint = demand.login_hint or self._tokens.named(Person(command.oid, command.tid)).upn
        demand = replace(demand, by_page=True, login_hint=hint[:_MAX_HINT])
        await self._ask(context, replace(command, demand=demand))

    async def _ask(self, context: TurnContext, command: PendingCommand) -> None:
        waits = await self._inbox.await_sign_in(command)
        if waits is not None:
            card = self._card(waits, reader_of(context.activity, command.language))
            attachment = Attachment(content_type=_OAUTH_CARD, content=card)
            try:
                await context.send_activity(Activity(type=ActivityTypes.message, attachments=[attachment]))
            except MfaBotError:
                # Nobody can answer a card that was never sent, so nothing may wait for it.
                with suppress(StoreUnavailable):
                    await self._inbox.finish(command.message_key)
                raise

    def _card(self, command: PendingCommand, reader: Reader) -> dict[str, Any]:
        text = reader.gettext("Please sign in once; then I'll carry on with what you asked for.")
        if command.demand.by_page:
            text = reader.gettext(
                "Microsoft wants to be sure that it is you. Please press the button and sign in; then I'll carry on "
                "with what you asked for."
            )
        card: dict[str, Any] = {"text": text, "connectionName": "", "buttons": [self._button(command.id, reader)]}
        if not command.demand.by_page:
            # Without ``uri`` no client can complain that it differs from the app's own.
            card["tokenExchangeResource"] = {"id": command.id}
        return card

    def _button(self, command_id: str, reader: Reader) -> dict[str, str]:
        title = reader.gettext("Sign in")
        return {"type": "signin", "title": title, "text": title, "value": self._pages.address_for(command_id)}

    # What comes back

    async def exchange(self, value: object, person: Person) -> Exchange:
        """Take the token of one ``signin/tokenExchange``.

        412 makes this client show the card; it is answered only where the person must act. What waits is not touched:
        another of the person's clients may still bring a good token.
        """
        request = value if isinstance(value, dict) else {}
        exchange_id, token = request.get("id"), request.get("token")
        if not isinstance(exchange_id, str) or not _ID.fullmatch(exchange_id):
            return Exchange(400)
        if not isinstance(token, str) or not token:
            return Exchange(400, _failure(exchange_id, "there is no token"))
        lock = self._locks.setdefault(exchange_id, asyncio.Lock())
        async with lock:
            return await self._exchange(exchange_id, token, person)

    async def _exchange(self, exchange_id: str, token: str, person: Person) -> Exchange:
        try:
            sso = await self._sso.validate(token, person)
        except (SignInError, UpstreamError) as error:
            status = 503 if isinstance(error, UpstreamError) else 400
            return await self._not_signed_in(exchange_id, person, error, status)
        try:
            await self._tokens.exchange(sso, SELF_SCOPES)
        except (SignInError, UpstreamError) as error:
            return await self._not_signed_in(exchange_id, sso.person, error, _status_of(error))
        return Exchange(200, id=exchange_id, person=sso.person)

    async def _not_signed_in(self, exchange_id: str, person: Person, error: MfaBotError, status: int) -> Exchange:
        log_error(_log, error)
        if isinstance(error, AssertionExpired) and await self._was_retried(exchange_id):
            status = 412
        if status == 412:
            await self._demand(exchange_id, person, error)
        body = None if status == 200 else _failure(exchange_id, error.log_sentence)
        return Exchange(status, body, exchange_id, error=error)

    async def _was_retried(self, exchange_id: str) -> bool:
        """True if the person must act, as Teams has sent a token that is too old for the second time."""
        try:
            pending = await self._inbox.find_waiting(exchange_id)
        except StoreUnavailable as error:
            log_error(_log, error)
            return True
        return pending is not None and pending.demand.retried

    async def _demand(self, exchange_id: str, person: Person, error: MfaBotError) -> None:
        """The button of the card that is shown now has to ask for what Entra wants."""
        claims = error.claims if isinstance(error, StepUpNeeded) else None
        try:
            await self._inbox.demand_more(exchange_id, person, claims, person.upn[:_MAX_HINT])
        except StoreUnavailable as failure:
            log_error(_log, failure)

    async def claim(self, person: Person, conversation_id: str, what: Waiting) -> list[PendingCommand]:
        """The commands that wait for ``person``, for the first who asks; a busy database is asked again.

        Raises:
            StoreUnavailable: they can't be read.
        """
        # One that is silent costs its time limit at each try, and what the person says next waits for this.
        give_up_at = time.monotonic() + self._pace.claim_s
        claim = partial(self._inbox.claim, person, conversation_id, what, claim_id=str(uuid4()))
        for pause_s in self._pace.store_pauses_s:
            try:
                return await claim()
            except StoreUnavailable as error:
                if time.monotonic() + pause_s > give_up_at:
                    raise
                log_error(_log, error)
                await asyncio.sleep(pause_s)
        return await claim()

    async def note_failure(self, person: Person, conversation_id: str) -> bool:
        """See ``Inbox.note_failure``."""
        return await self._inbox.note_failure(person, conversation_id)

    def may_have_signed_in(self, person: Person) -> bool:
        """True if ``person`` may have signed in on the page without our having heard of it from Teams."""
        return self._pages.may_wait_for(person)

    async def redeem(self, person: Person, handle: str | None = None) -> bool:
        """See ``PageSignIns.redeem``."""
        return await self._pages.redeem(person, handle)

    async def sign_out(self, person: Person) -> bool:
        """Forget ``person``'s tokens, and all that waits for something; True if every other instance will as well."""
        self._tokens.sign_out(person.tid, person.oid)
        done = True
        # Each for itself: what waits must go also where the others can't be told.
        for step in (self._inbox.drop_all, self._store.sign_ins.drop, self._store.sign_outs.note):
            try:
                await step(person)
            except StoreUnavailable as error:
                log_error(_log, error)
                done = False
        return done

    def has_signed_out(self, person: Person, *, since: datetime) -> bool:
        """True if ``person`` has signed out since then, as far as this instance has heard."""
        return self._tokens.has_signed_out(person, since=since.timestamp())

    def has_signed_in_by_page(self, person: Person) -> bool:
        """True if ``person`` has done so within ten minutes, so that what waits for the page may go on."""
        return self._tokens.is_fresh(person, SELF_SCOPES)


def reported_failure(value: object) -> MfaBotError:
    """What a ``signin/failure`` of Teams' means.

    Codes: https://github.com/microsoft/teams.py (``app_oauth.py``); Microsoft's documentation has no list.
    """
    code = value.get("code") if isinstance(value, dict) else None
    name = code[:_MAX_CODE] if isinstance(code, str) else None
    match name:
        case "tokenmissing" | "userconsentrequired" | "interactionrequired":
            return StepUpNeeded("Teams could not get a token by itself", code=name)
        case "resourcematchfailed":
            return BotMisconfigured(
                "compare webApplicationInfo.resource of the app's manifest with the Application ID URI in Entra",
                code=name,
            )
        case "oauthcardnotvalid":
            return BotMisconfigured(
                "Teams does not take the sign-in card: compare PUBLIC_URL with validDomains", code=name
            )
        case "installappfailed" | "installedappnotfound":
            return AppNotFound(code=name)
        case "invokeerror" | "authrequestfailed":
            return Unavailable("Teams could not ask for a token", code=name)
    return SignInError("Teams reports a failure", code=name)


def _status_of(error: MfaBotError) -> int:
    """What a client is answered whose good token brought ``error`` from Entra."""
    if isinstance(error, (StepUpNeeded, SignInCancelled)):
        return 412
    if isinstance(error, (UpstreamError, BotMisconfigured)):
        return 503
    if isinstance(error, SignInRefused):
        return 400
    # Signing in again would end the same way, so no client shall offer it.
    return 200


def _failure(exchange_id: str, detail: str) -> dict[str, Any]:
    return {"id": exchange_id, "connectionName": "", "failureDetail": detail}
