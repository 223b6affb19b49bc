"""Activity → command → reply → card. The one place where a message's way can be read from top to bottom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from typing import Any
from weakref import WeakValueDictionary

from botbuilder.core import TurnContext
from botbuilder.core.teams import TeamsActivityHandler
from botbuilder.schema import (
    Activity,
    ActivityTypes,
    ConversationReference,
    InvokeResponse,
)

from bot.change import Origin
from bot.commands import (
    AskWhich,
    ForSomebodyElse,
    Greet,
    Help,
    History,
    NotUnderstood,
    Press,
    Refresh,
    SetDefault,
    Show,
    Undo,
    command_from_json,
)
from bot.errors import (
    MfaBotError,
    SenderUnknown,
    SignInError,
    SignInNeeded,
    StoreUnavailable,
)
from bot.mfa import Oid, Person
from bot.replies import (
    ForSomebodyElseReply,
    GreetingReply,
    HelpReply,
    InterruptedReply,
    NotUnderstoodReply,
    PersonalChatOnlyReply,
    Reply,
    TroubleReply,
    WelcomeReply,
    WorkingReply,
)
from bot.self_service import SelfService
from bot.settings import Pace
from bot.store import Change, OutcomeKind, PendingCommand, Store
from bot.teams.adapter import TeamsAdapter
from bot.teams.answers import answer_to_press, replace_card, send, signing_in, texts_of, trouble, unforeseen
from bot.teams.people import address_of, is_personal, reference_to, sender_of, text_of
from bot.teams.sign_in import Exchange, SignIn
from bot.teams.wishes import Wish, origin_of
from bot.telemetry import get_logger, log_error
from bot.understanding import understand

__all__ = ["TeamsHandler"]

_log = get_logger(__name__)


class TeamsHandler(TeamsActivityHandler):
    """Dispatches what Teams sends. Every error of ours becomes a card that says what it means."""

    def __init__(
        self, adapter: TeamsAdapter, self_service: SelfService, sign_in: SignIn, store: Store, pace: Pace
    ) -> None:
        super().__init__()
        self._adapter = adapter
        self._self_service = self_service
        self._sign_in = sign_in
        self._store = store
        self._pace = pace
        self._orders: WeakValueDictionary[Oid, asyncio.Lock] = WeakValueDictionary()

    async def on_turn(self, turn_context: TurnContext) -> None:
        """One turn. What nobody foresaw is logged, and the person hears that something went wrong."""
        try:
            await super().on_turn(turn_context)
        except MfaBotError:
            raise
        except Exception as error:  # noqa: BLE001
            await self._apologise(turn_context, unforeseen(error))

    async def _apologise(self, context: TurnContext, reply: TroubleReply) -> None:
        activity = context.activity
        if not is_personal(activity):
            return
        if activity.type == ActivityTypes.message:
            await send(context, reply)
        elif activity.name == "adaptiveCard/action":
            answer = answer_to_press(activity, reply)
            await context.send_activity(Activity(type=ActivityTypes.invoke_response, value=answer))

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:
        """Greet when the bot itself was added to a personal chat.

        The SDK's own way would ask the connector for every member first.
        """
        activity = turn_context.activity
        added = {member.id for member in activity.members_added or []}
        if is_personal(activity) and activity.recipient and activity.recipient.id in added:
            self._adapter.spawn(self._note_address(activity, anew=True))
            await send(turn_context, WelcomeReply())

    async def on_installation_update_remove(self, turn_context: TurnContext) -> None:
        """The person has removed the bot: it must not write to them any more."""
        # An upgrade removes it only to add it again.
        if is_personal(turn_context.activity) and turn_context.activity.action == "remove":
            person = sender_of(turn_context.activity)
            await self._store.conversations.forget(person.tid, person.oid)

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        """A person has written something."""
        activity = turn_context.activity
        if not is_personal(activity):
            await send(turn_context, PersonalChatOnlyReply())
            return
        try:
            wish = Wish(sender_of(activity), understand(text_of(activity)), origin_of(activity))
            if isinstance(wish.command, (SetDefault, Undo)):
                await self._change_in_order(turn_context, wish)
                return
        except MfaBotError as error:
            await send(turn_context, trouble(error))
            return
        await self._answer_by_message(turn_context, wish)

    async def _change_in_order(self, context: TurnContext, wish: Wish) -> None:
        """Carry out an instruction once, after all that the person has said before."""
        # Put down at once, also if it has to wait for its turn: what is not put down is lost when the bot is stopped.
        begun = self._adapter.spawn(self._store.inbox.begin(wish.to_store()))
        async with self._order_of(wish.person):
            try:
                if not await begun:
                    _log.info("message delivered again")
                    return
                reply = await self._carry_out_in_order(context, wish)
            except StoreUnavailable as error:
                reply = trouble(error)
            if reply is not None:
                await self._finished_by(send(context, reply), wish)

    async def _carry_out_in_order(self, context: TurnContext, wish: Wish) -> Reply | None:
        self._adapter.spawn(self._note_address(context.activity))
        if self._self_service.is_signed_in(wish.person):
            # Signed in by an earlier wish that is about to go on: it goes first.
            await self._carry_out_waiting(context, wish.person)
        return await self._carry_out(context, wish) if await self._is_still_ours(wish) else None

    async def _is_still_ours(self, wish: Wish) -> bool:
        """False if we have been silent for so long that the person was told of an interruption."""
        if time.monotonic() - wish.taken_at_s < self._pace.renew_after_s:
            return True
        return await self._store.inbox.renew(wish.origin.key)

    async def _answer_by_message(self, context: TurnContext, wish: Wish) -> None:
        reply = await self._carry_out(context, wish)
        if reply is not None:
            await send(context, reply)

    async def _finished_by(self, answer: Coroutine[Any, Any, None], wish: Wish) -> None:
        """Give the answer. Then the wish is over, also if Teams does not take it; only a stop of the bot leaves it."""
        try:
            await answer
        except Exception:
            self._finish(wish)
            raise
        self._finish(wish)

    def _finish(self, wish: Wish) -> None:
        # In the background, and again if the store is away: else the person would be told of an interruption.
        self._adapter.spawn(self._finish_in_the_end(wish.origin.key))

    async def _finish_in_the_end(self, key: str) -> None:
        for pause_s in chain((0.0,), self._pace.store_pauses_s, repeat(self._pace.store_pauses_s[-1])):
            await asyncio.sleep(pause_s)
            try:
                await self._store.inbox.finish(key)
            except StoreUnavailable as error:
                log_error(_log, error)
            else:
                return

    def _order_of(self, person: Person) -> asyncio.Lock:
        """What a person says is carried out in the order in which it came."""
        return self._orders.setdefault(person.oid, asyncio.Lock())

    async def on_invoke_activity(self, turn_context: TurnContext) -> InvokeResponse | None:
        """A client wants an answer: a pressed button or a step of the sign-in."""
        match turn_context.activity.name:
            case "adaptiveCard/action":
                return await self._on_card_action(turn_context)
            case "signin/tokenExchange":
                return await self._on_token_exchange(turn_context)
            case "signin/failure":
                return await self._on_sign_in_failure(turn_context)
            case "signin/verifyState":
                # No page of ours has been opened, so there is no state to verify.
                return InvokeResponse(status=404)
        return None

    async def _carry_out(self, context: TurnContext, wish: Wish) -> Reply | None:
        """The answer to ``wish``; None when a sign-in card was sent, and the answer comes after that."""
        try:
            return await self._answer(wish)
        except SignInNeeded as error:
            if wish.resumed:
                # Signed in a moment ago and still not good: asking for ever would not help.
                return trouble(error)
            try:
                asking_again = replace(wish, attempts=wish.attempts + 1)
                await self._sign_in.ask(context, asking_again.to_store(), texts_of(context.activity))
                self._adapter.spawn(self._note_address(context.activity))
            except MfaBotError as failure:
                return trouble(failure)
            return None
        except MfaBotError as error:
            return trouble(error)
        except Exception as error:  # noqa: BLE001
            return unforeseen(error)

    async def _answer(self, wish: Wish) -> Reply:
        match wish.command:
            case Show() | Refresh():
                return await self._self_service.show(wish.person)
            case SetDefault(method):
                return await self._self_service.set_default(wish.person, method, wish.origin, resumed=wish.resumed)
            case Press(action_id):
                return await self._self_service.press(wish.person, action_id, wish.origin, resumed=wish.resumed)
            case Undo():
                return await self._self_service.undo(wish.person, wish.origin, resumed=wish.resumed)
            case History():
                return await self._self_service.history(wish.person)
            case AskWhich(candidates):
                return await self._self_service.ask_which(wish.person, candidates)
            case ForSomebodyElse() | Help() | Greet() | NotUnderstood():
                return _said_at_once(wish.command, wish.person)

    # Buttons

    async def _on_card_action(self, context: TurnContext) -> InvokeResponse:
        """Answer a press in time: with the result, or with a card that is replaced when the result is there."""
        activity = context.activity
        if not is_personal(activity):
            return answer_to_press(activity, PersonalChatOnlyReply())
        try:
            wish = Wish.pressed(activity)
        except MfaBotError as error:
            return answer_to_press(activity, trouble(error))
        work = self._adapter.spawn(self._carry_out(context, wish))
        done, _ = await asyncio.wait({work}, timeout=self._pace.press_answer_s)
        if done:
            reply = await work
            return answer_to_press(activity, reply) if reply else signing_in(activity)
        if wish.card_activity_id:
            reference = TurnContext.get_conversation_reference(activity)
            self._adapter.spawn(self._replace_when_done(reference, wish, work))
            self._adapter.spawn(self._note_address(activity))
        return answer_to_press(activity, WorkingReply())

    async def _replace_when_done(
        self, reference: ConversationReference, wish: Wish, work: asyncio.Task[Reply | None]
    ) -> None:
        """Keep the promise of the card that asks for patience, or let another instance keep it if this one dies."""
        try:
            await self._store.inbox.begin(wish.to_store())
        except StoreUnavailable as error:
            log_error(_log, error)
        reply = await work
        if reply is not None:
            answer = partial(replace_card, card_activity_id=wish.card_activity_id, reply=reply)
            await self._finished_by(self._adapter.resume(reference, answer), wish)

    # Sign-in

    async def _on_token_exchange(self, context: TurnContext) -> InvokeResponse:
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
        if exchange.id is not None:
            self._settle_later(context, exchange.person or person, exchange)
        return InvokeResponse(status=exchange.status, body=exchange.body)

    async def _on_sign_in_failure(self, context: TurnContext) -> InvokeResponse:
        """Teams could not get a token at all. Told once, although each of the person's clients reports it."""
        activity = context.activity
        value = activity.value
        code = value.get("code") if isinstance(value, dict) else None
        error = SignInError("Teams reports a failure", code=code[:64] if isinstance(code, str) else None)
        log_error(_log, error)
        if is_personal(activity):
            with suppress(SenderUnknown):
                self._settle_later(context, sender_of(activity), Exchange(200, error=error))
        return InvokeResponse(status=200)

    def _settle_later(self, context: TurnContext, person: Person, exchange: Exchange) -> None:
        """In the background, so that the client has its answer before anything is carried out."""
        reference = TurnContext.get_conversation_reference(context.activity)
        # The invoke is no message, so nothing can be a reply to it.
        reference.activity_id = None
        self._adapter.spawn(self._adapter.resume(reference, lambda turn: self._settle(turn, person, exchange)))

    async def _settle(self, context: TurnContext, person: Person, exchange: Exchange) -> None:
        """Carry out what waited for the sign-in, or say why that can't be."""
        try:
            if exchange.error is None:
                async with self._order_of(person):
                    await self._carry_out_waiting(context, person)
            else:
                # One client has failed; another may be about to succeed.
                await asyncio.sleep(self._pace.exchange_grace_s)
                await self._give_up(context, person, exchange, exchange.error)
        except StoreUnavailable as error:
            await send(context, trouble(error))

    async def _carry_out_waiting(self, context: TurnContext, person: Person) -> None:
        conversation_id = origin_of(context.activity).conversation_id
        claimed_at_s = time.monotonic()
        for pending in await self._sign_in.claim(person, conversation_id, None):
            wish = replace(Wish.stored(pending, person), taken_at_s=claimed_at_s)
            try:
                reply = await self._carry_out(context, wish) if await self._is_still_ours(wish) else None
                if reply is not None:
                    await self._finished_by(replace_card(context, pending.card_activity_id, reply), wish)
            except MfaBotError as error:
                # What else waits does not depend on it.
                log_error(_log, error)

    async def _give_up(self, context: TurnContext, person: Person, exchange: Exchange, error: MfaBotError) -> None:
        """Tell it once: in the card that promised a result, or in a message if the client does not show its own."""
        conversation_id = origin_of(context.activity).conversation_id
        told = exchange.status == 412
        for pending in await self._sign_in.claim(person, conversation_id, exchange.id):
            self._finish(Wish.stored(pending, person))
            if pending.card_activity_id or not told:
                await replace_card(context, pending.card_activity_id, trouble(error))
                told = True

    # Interruptions

    async def tell_interrupted(self, pending: PendingCommand) -> None:
        """Tell a person that the bot was stopped while it was at work on what they wanted, in the chat or on its card.

        Raises:
            StoreUnavailable: the records can't be read.
        """
        address = await self._store.conversations.find(pending.tid, pending.oid)
        if address is None or address.conversation_id != pending.conversation_id:
            _log.warning("nobody can be told of an interruption", conversation=pending.conversation_id)
            return
        command = command_from_json(pending.command)
        change = await self._begun_by(pending.message_key)
        taken = change is not None and change.outcome in {OutcomeKind.CONFIRMED, OutcomeKind.ACCEPTED}
        reply = InterruptedReply(
            method=change.method if change else command.method if isinstance(command, SetDefault) else None,
            changed=taken,
            maybe_changed=isinstance(command, Press) or (change is not None and not taken),
        )
        answer = partial(replace_card, card_activity_id=pending.card_activity_id, reply=reply)
        await self._adapter.resume(reference_to(address), answer)

    async def _begun_by(self, key: str) -> Change | None:
        """The change that the message of ``key`` has begun, if Graph has not refused it."""
        origin = Origin(key, "")
        for each in (origin.resumed(), origin):
            change = await self._store.audit.find_change(each.key)
            if change is not None and change.outcome is not OutcomeKind.REFUSED:
                return change
        return None

    async def _note_address(self, activity: Activity, *, anew: bool = False) -> None:
        """Remember where the person can be written to."""
        with suppress(SenderUnknown):
            address = address_of(activity, sender_of(activity))
            if address is not None:
                try:
                    await self._store.conversations.note(address, anew=anew)
                except StoreUnavailable as error:
                    log_error(_log, error)


def _said_at_once(command: ForSomebodyElse | Help | Greet | NotUnderstood, person: Person) -> Reply:
    """What needs neither a token nor the records."""
    match command:
        case ForSomebodyElse():
            return ForSomebodyElseReply()
        case Help():
            return HelpReply()
        case Greet():
            return GreetingReply(person.display_name)
        case NotUnderstood():
            return NotUnderstoodReply()
