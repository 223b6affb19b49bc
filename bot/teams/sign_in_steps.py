"""What Teams' clients report of a sign-in, and what becomes of the commands that waited for it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from botbuilder.core import TurnContext
from botbuilder.schema import InvokeResponse

from bot.commands import Refresh
from bot.errors import (
    AssertionExpired,
    MfaBotError,
    OtherAccount,
    SenderUnknown,
    StepUpNeeded,
    StoreUnavailable,
    WrongPerson,
)
from bot.mfa import Person
from bot.settings import Pace
from bot.store import PendingCommand, SignInDemand, Waiting
from bot.teams.adapter import TeamsAdapter
from bot.teams.answers import Answers
from bot.teams.errands import Errands
from bot.teams.explain import Explainer
from bot.teams.people import is_personal, sender_of
from bot.teams.sign_in import Exchange, SignIn, reported_failure
from bot.teams.wishes import Wish, origin_of
from bot.telemetry import get_logger, log_error

__all__ = ["SignInSteps"]

_log = get_logger(__name__)
_HANDLE = re.compile(r"[\w-]{1,128}", re.ASCII)
_CANCELLED = "CancelledByUser"
"""What Teams has been seen to send as the state when the window was closed; it is not documented."""


class SignInSteps:
    """Answers each client by its own result; the effect happens once, in the background."""

    def __init__(
        self,
        adapter: TeamsAdapter,
        answers: Answers,
        sign_in: SignIn,
        errands: Errands,
        explain: Explainer,
        pace: Pace,
    ) -> None:
        self._adapter = adapter
        self._answers = answers
        self._sign_in = sign_in
        self._errands = errands
        self._explain = explain
        self._pace = pace

    async def on_token_exchange(self, context: TurnContext) -> InvokeResponse:
        """A client has tried to sign in silently."""
        activity = context.activity
        if not is_personal(activity):
            # No sign-in card of ours is ever sent elsewhere.
            return InvokeResponse(status=400)
        try:
            person = sender_of(activity)
        except SenderUnknown as error:
            log_error(_log, error)
            return InvokeResponse(status=403)
        exchange = await self._sign_in.exchange(activity.value, person)
        self._settle(context, person, exchange)
        return InvokeResponse(status=exchange.status, body=exchange.body)

    def _settle(self, context: TurnContext, person: Person, exchange: Exchange) -> None:
        """What one client's delivery means for the command that waits."""
        what, signed_in, error = Waiting(exchange.id), exchange.person, exchange.error
        if signed_in is not None:
            self._in_a_turn(context, lambda turn: self._go_on(turn, signed_in, what))
        elif error is not None and exchange.status != 412:
            # After 412 the person acts on the card that their client shows, and the command waits for that.
            only_this = replace(what, only_this=True)
            self._in_a_turn(context, lambda turn: self._after_failure(turn, person, only_this, error))

    async def on_verify_state(self, context: TurnContext) -> InvokeResponse:
        """The sign-in window has closed; the handle says which sign-in it was."""
        activity = context.activity
        value = activity.value if isinstance(activity.value, dict) else {}
        handle = value.get("state")
        if not is_personal(activity) or not isinstance(handle, str) or not _HANDLE.fullmatch(handle):
            return InvokeResponse(status=400)
        if handle == _CANCELLED:
            _log.info("the sign-in window was closed")
            return InvokeResponse(status=200)
        try:
            person = sender_of(activity)
            if not await self._sign_in.redeem(person, handle):
                return InvokeResponse(status=404)
        except OtherAccount as error:
            return self._told_later(context, error)
        except (SenderUnknown, WrongPerson) as error:
            # Whoever has begun this sign-in may still finish it; the one who sent this learns nothing of it.
            log_error(_log, error)
            return InvokeResponse(status=403)
        except MfaBotError as error:
            return self._told_later(context, error)
        self._in_a_turn(context, lambda turn: self._go_on(turn, person, Waiting(by_page_too=True)))
        return InvokeResponse(status=200)

    async def on_failure(self, context: TurnContext) -> InvokeResponse:
        """Teams could not get a token at all. Told once, although each of the person's clients reports it."""
        error = reported_failure(context.activity.value)
        log_error(_log, error)
        if is_personal(context.activity):
            with suppress(SenderUnknown):
                person = sender_of(context.activity)
                self._in_a_turn(context, lambda turn: self._after_report(turn, person, error))
        return InvokeResponse(status=200)

    def _told_later(self, context: TurnContext, error: MfaBotError) -> InvokeResponse:
        """The sign-in window has brought nothing. What waits goes on waiting, and its button can be used again."""
        # Whatever the person says next redeems a code that is still good, so the button may ask for anything.
        trouble = self._explain.trouble(error, Refresh())
        self._in_a_turn(context, lambda turn: self._answers.send(turn, trouble))
        return InvokeResponse(status=200)

    def _in_a_turn(self, context: TurnContext, act: Callable[[TurnContext], Awaitable[None]]) -> None:
        """In the background, so that the client has its answer before anything is carried out."""
        reference = TurnContext.get_conversation_reference(context.activity)
        # The invoke is no message, so nothing can be a reply to it.
        reference.activity_id = None
        self._adapter.spawn(self._adapter.resume(reference, act))

    async def _go_on(self, context: TurnContext, person: Person, what: Waiting) -> None:
        """Carry out what waited for the sign-in."""
        try:
            async with self._errands.order_of(person):
                await self._errands.carry_out_waiting(context, person, what)
        except StoreUnavailable as error:
            await self._answers.send(context, self._explain.trouble(error))

    async def _after_failure(self, context: TurnContext, person: Person, what: Waiting, error: MfaBotError) -> None:
        await self._told_of_failure(context, person, what, error)

    async def _told_of_failure(self, context: TurnContext, person: Person, what: Waiting, error: MfaBotError) -> bool:
        """Try another way to sign in, or tell the person once why what they wanted can't be done; True if told."""
        # One client has failed; another may be about to succeed.
        await asyncio.sleep(self._pace.exchange_grace_s)
        try:
            conversation_id = origin_of(context.activity).conversation_id
            given_up = await self._sign_in.claim(person, conversation_id, what)
            told = False
            for pending in given_up:
                if not await self._asked_anew(context, pending, error):
                    await self._give_up(context, Wish.stored(pending, person), error, told=told)
                    told = True
        except StoreUnavailable as failure:
            await self._answers.send(context, self._explain.trouble(failure))
            return True
        return told

    async def _after_report(self, context: TurnContext, person: Person, error: MfaBotError) -> None:
        """The same for what Teams reports: nobody says which card it is about, so it may be one that leads to the page.

        What waits for that goes on waiting, and the card's button can be used again.
        """
        told = await self._told_of_failure(context, person, Waiting(), error)
        if isinstance(error, StepUpNeeded):
            # The page is the way out, and the card for it is there.
            return
        try:
            is_new = await self._sign_in.note_failure(person, origin_of(context.activity).conversation_id)
        except StoreUnavailable as failure:
            log_error(_log, failure)
            return
        if is_new and not told:
            await self._answers.send(context, self._explain.trouble(error, Refresh()))

    async def _asked_anew(self, context: TurnContext, pending: PendingCommand, error: MfaBotError) -> bool:
        """True if there is another way to the sign-in, and it was begun."""
        if isinstance(error, AssertionExpired) and not pending.demand.retried:
            again = replace(pending, id=str(uuid4()), demand=replace(pending.demand, retried=True))
            await self._sign_in.ask(context, again)
        elif isinstance(error, StepUpNeeded):
            await self._sign_in.ask_for_page(context, replace(pending, id=str(uuid4())), SignInDemand())
        else:
            return False
        return True

    async def _give_up(self, context: TurnContext, wish: Wish, error: MfaBotError, *, told: bool) -> None:
        self._errands.finish(wish)
        if wish.card_activity_id or not told:
            trouble = self._explain.trouble(error, wish.command)
            await self._answers.replace_card(context, wish.card_activity_id, trouble, wish.language)
