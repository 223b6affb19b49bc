"""Carrying out what people want: once, in the order in which they said it, and through the sign-ins that it needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from typing import Any
from weakref import WeakValueDictionary

from botbuilder.core import TurnContext
from botbuilder.schema import Activity

from bot.commands import (
    AskWhich,
    AskWho,
    Cancel,
    CantDo,
    Command,
    Explain,
    ForSomebodyElse,
    Greet,
    Help,
    History,
    IfMe,
    NotUnderstood,
    Press,
    Refresh,
    SetDefault,
    Show,
    SignOut,
    Undo,
    changes_something,
    command_from_json,
)
from bot.errors import (
    MfaBotError,
    SenderUnknown,
    SignInError,
    SignInNeeded,
    StepUpInVain,
    StepUpNeeded,
    StoreUnavailable,
)
from bot.mfa import Oid, Person
from bot.replies import (
    CancelledReply,
    CantDoReply,
    ExplainReply,
    ForSomebodyElseReply,
    GreetingReply,
    HelpReply,
    NotUnderstoodReply,
    Reply,
    SignedOutReply,
    StateReply,
    WhoReply,
)
from bot.self_service import SelfService
from bot.settings import Pace
from bot.store import SignInDemand, Store, Waiting
from bot.teams.adapter import TeamsAdapter
from bot.teams.answers import Answers
from bot.teams.explain import Explainer
from bot.teams.people import address_of, sender_of
from bot.teams.sign_in import SignIn
from bot.teams.wishes import Wish, origin_of
from bot.telemetry import get_logger, log_error

__all__ = ["Errands"]

_log = get_logger(__name__)


class Errands:
    """All that people want of one bot, from a wish to its answer."""

    def __init__(
        self,
        adapter: TeamsAdapter,
        answers: Answers,
        self_service: SelfService,
        sign_in: SignIn,
        store: Store,
        explain: Explainer,
        pace: Pace,
    ) -> None:
        self._adapter = adapter
        self._answers = answers
        self._self_service = self_service
        self._sign_in = sign_in
        self._store = store
        self._explain = explain
        self._pace = pace
        self._orders: WeakValueDictionary[Oid, asyncio.Lock] = WeakValueDictionary()
        self._dropping: WeakValueDictionary[Oid, asyncio.Task[None]] = WeakValueDictionary()

    def order_of(self, person: Person) -> asyncio.Lock:
        """What a person says is carried out in the order in which it came."""
        return self._orders.setdefault(person.oid, asyncio.Lock())

    async def change_in_order(self, context: TurnContext, wish: Wish) -> None:
        """Carry out an instruction once, after all that the person has said before."""
        # Put down at once, also if it has to wait for its turn: what is not put down is lost when the bot is stopped.
        begun = self._adapter.spawn(self._store.inbox.begin(wish.to_store()))
        async with self.order_of(wish.person):
            try:
                if not await begun:
                    _log.info("message delivered again")
                    return
                reply = await self._change(context, wish)
            except StoreUnavailable as error:
                reply = self._explain.trouble(error, wish.command)
            if reply is not None:
                await self.finished_by(self._answers.send(context, reply, wish.language), wish)

    async def _change(self, context: TurnContext, wish: Wish) -> Reply | None:
        self._adapter.spawn(self.note_address(context.activity))
        await self._go_on_after_page(context, wish.person)
        if self._self_service.is_signed_in(wish.person):
            # Signed in by an earlier wish that is about to go on: it goes first.
            by_page = self._sign_in.has_signed_in_by_page(wish.person)
            await self.carry_out_waiting(context, wish.person, Waiting(by_page_too=by_page))
        return await self._carry_out(context, wish) if await self._is_still_ours(wish) else None

    async def _is_still_ours(self, wish: Wish) -> bool:
        """False if the person has signed out since, or was told of an interruption as we were silent for so long."""
        in_time = time.monotonic() - wish.taken_at_s < self._pace.renew_after_s
        if in_time and not self._sign_in.has_signed_out(wish.person, since=wish.said_at):
            return True
        return await self._store.inbox.renew(wish.origin.wish_key)

    async def carry_out(self, context: TurnContext, wish: Wish) -> Reply | None:
        """The answer to ``wish``; None when a sign-in card was sent, and the answer comes after that."""
        # Who signs out does not want to be signed in first.
        if self._sign_in.may_have_signed_in(wish.person) and not isinstance(wish.command, (SignOut, Cancel)):
            async with self.order_of(wish.person):
                went_on = await self._go_on_after_page(context, wish.person)
            if went_on and isinstance(wish.command, NotUnderstood):
                # Whatever they wrote, it was to make us carry on.
                return None
        return await self._carry_out(context, wish)

    async def _go_on_after_page(self, context: TurnContext, person: Person) -> bool:
        """Go on with what waits for a sign-in by the page that Teams did not tell us of; in the person's order.

        The window was opened in a browser outside Teams.
        """
        if not self._sign_in.may_have_signed_in(person):
            return False
        try:
            return await self._redeemed(context, person)
        except SignInError as error:
            await self._answers.send(context, self._explain.trouble(error))
        except MfaBotError as error:
            # The code goes on waiting, and the next turn tries again.
            log_error(_log, error)
        return False

    async def _redeemed(self, context: TurnContext, person: Person) -> bool:
        if not await self._sign_in.redeem(person):
            return False
        await self.carry_out_waiting(context, person, Waiting(by_page_too=True))
        return True

    async def _carry_out(self, context: TurnContext, wish: Wish) -> Reply | None:
        answer = await self._answer_or_ask(context, wish)
        return None if isinstance(answer, SignInDemand) else answer

    async def _answer_or_ask(self, context: TurnContext, wish: Wish) -> Reply | SignInDemand:
        """The answer, or what the sign-in has to be like that was asked for instead."""
        try:
            reply = await self._answer(wish)
            if isinstance(reply, StateReply) and reply.carried_out:
                # In the background: the answer need not wait for it, only the next sign-in.
                dropping = self._adapter.spawn(self._in_the_end(partial(self._drop_older, wish)))
                self._dropping[wish.person.oid] = dropping
            return reply
        except (SignInNeeded, StepUpNeeded) as error:
            try:
                return await self._sign_in_first(context, wish, error)
            except MfaBotError as failure:
                return self._explain.trouble(failure, wish.command)
        except MfaBotError as error:
            return self._explain.trouble(error, wish.command)
        except Exception as error:  # noqa: BLE001
            return self._explain.unforeseen(error)

    async def _sign_in_first(
        self, context: TurnContext, wish: Wish, error: SignInNeeded | StepUpNeeded
    ) -> Reply | SignInDemand:
        """Ask for the sign-in that ``wish`` needs, unless it was asked for before and that did not help."""
        if not wish.demand.by_page and await self._redeemed(context, wish.person):
            # Signed in on the page already, in a browser outside Teams.
            return await self._answer_or_ask(context, replace(wish.again(), demand=SignInDemand(by_page=True)))
        if isinstance(error, SignInNeeded):
            if wish.resumed:
                # Signed in a moment ago and still not good: asking for ever would not help.
                raise error
            demand = SignInDemand()
            await self._sign_in.ask(context, wish.again().to_store())
        else:
            if wish.demand.by_page:
                raise StepUpInVain(str(error), **error.facts) from error
            demand = SignInDemand(claims=error.claims, fresh=error.fresh)
            await self._sign_in.ask_for_page(context, wish.again().to_store(), demand)
        self._adapter.spawn(self.note_address(context.activity))
        return demand

    async def _answer(self, wish: Wish) -> Reply:
        person, origin = wish.person, wish.origin
        match wish.command:
            case Show() | Refresh():
                return await self._self_service.show(person)
            case SetDefault(method, otherwise, agreed):
                return await self._self_service.set_default(person, method, origin, otherwise, agreed=agreed)
            case IfMe():
                return await self._answer_if_me(wish, wish.command)
            case Press(action_id):
                return await self._self_service.press(person, action_id, origin, pressed_at=wish.said_at)
            case Undo():
                return await self._self_service.undo(person, origin)
            case History():
                return await self._self_service.history(person)
            case AskWhich(candidates):
                return await self._self_service.ask_which(person, candidates)
            case SignOut():
                return SignedOutReply(everywhere=await self._sign_in.sign_out(person))
        if isinstance(wish.command, Cancel):
            await self._store.inbox.drop_all(person)
            return CancelledReply()
        return _said_at_once(wish.command, person, self._explain.contact)

    async def _answer_if_me(self, wish: Wish, said: IfMe) -> Reply:
        """Carry out what names an address, if that is the writer's own."""
        if self._self_service.is_own(wish.person, said.address):
            return await self._answer(replace(wish, command=said.command))
        wanted = said.command.method if isinstance(said.command, SetDefault) else None
        return ForSomebodyElseReply(said.address, wanted, self._explain.contact)

    async def carry_out_waiting(self, context: TurnContext, person: Person, what: Waiting) -> None:
        """Carry out what has waited for ``person``'s sign-in, one after the other; to be called in their order.

        Raises:
            StoreUnavailable: what waits can't be read.
        """
        conversation_id = origin_of(context.activity).conversation_id
        if dropping := self._dropping.get(person.oid):
            await asyncio.wait({dropping}, timeout=self._pace.claim_s)
        claimed_at_s = time.monotonic()
        challenge: SignInDemand | None = None
        for pending in await self._sign_in.claim(person, conversation_id, what):
            # After the page, another challenge would be the second one for the same wish.
            demand = replace(pending.demand, by_page=pending.demand.by_page or what.by_page_too)
            wish = replace(Wish.stored(pending, person), taken_at_s=claimed_at_s, demand=demand)
            try:
                if not await self._is_still_ours(wish):
                    continue
                if challenge is not None:
                    # What was said before it has to wait for the page, and has lost the token: so it waits as well.
                    await self._sign_in.ask_for_page(context, wish.to_store(), challenge)
                    continue
                answer = await self._answer_or_ask(context, wish)
                if isinstance(answer, SignInDemand):
                    challenge = answer
                else:
                    told = self._answers.replace_card(context, pending.card_activity_id, answer, wish.language)
                    await self.finished_by(told, wish)
            except MfaBotError as error:
                # What else waits does not depend on it.
                log_error(_log, error)

    async def _drop_older(self, wish: Wish) -> None:
        """``wish`` was carried out: changes that were said before it, and still wait for a sign-in, are out of date."""
        waiting = await self._store.inbox.find_older(wish.person, wish.said_at)
        older = [one.id for one in waiting if _changes(command_from_json(one.command))]
        if older:
            _log.info("superseded by a newer wish", wishes=len(older))
            await self._store.inbox.drop(older)

    async def finished_by(self, answer: Coroutine[Any, Any, None], wish: Wish) -> None:
        """Give the answer. Then the wish is over, also if Teams does not take it; only a stop of the bot leaves it."""
        try:
            await answer
        except Exception:
            self.finish(wish)
            raise
        self.finish(wish)

    def finish(self, wish: Wish) -> None:
        """The wish has its answer."""
        # In the background, and again if the store is away: else the person would be told of an interruption.
        self._adapter.spawn(self._in_the_end(partial(self._store.inbox.finish, wish.origin.wish_key)))

    async def _in_the_end(self, write: Callable[[], Awaitable[None]]) -> None:
        for pause_s in chain((0.0,), self._pace.store_pauses_s, repeat(self._pace.store_pauses_s[-1])):
            await asyncio.sleep(pause_s)
            try:
                await write()
            except StoreUnavailable as error:
                log_error(_log, error)
            else:
                return

    async def note_address(self, activity: Activity, *, anew: bool = False) -> None:
        """Remember where the person can be written to."""
        with suppress(SenderUnknown):
            address = address_of(activity, sender_of(activity))
            if address is not None:
                try:
                    await self._store.conversations.note(address, anew=anew)
                except StoreUnavailable as error:
                    log_error(_log, error)


def _changes(command: Command) -> bool:
    return isinstance(command, Press) or changes_something(command)


def _said_at_once(command: Command, person: Person, contact: str) -> Reply:
    """What needs neither a token nor the records. ``contact`` can help where the bot can't."""
    match command:
        case ForSomebodyElse(target, method):
            return ForSomebodyElseReply(target, method, contact)
        case AskWho():
            return WhoReply()
        case Explain(topic):
            return ExplainReply(topic)
        case CantDo(topic, about_me):
            return CantDoReply(topic, contact, about_me)
        case Help():
            return HelpReply()
        case Greet(kind):
            return GreetingReply(person.display_name, kind)
        case NotUnderstood(pasted_code):
            return NotUnderstoodReply(pasted_code)
    raise TypeError(f"{type(command).__name__} needs a sign-in")
