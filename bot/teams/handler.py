"""Activity → command → reply → card. The one place where a message's way can be read from top to bottom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from botbuilder.core import TurnContext
from botbuilder.core.teams import TeamsActivityHandler
from botbuilder.schema import (
    ActionTypes,
    Activity,
    ActivityTypes,
    Attachment,
    CardAction,
    ConversationReference,
    InvokeResponse,
    SuggestedActions,
)

from bot.change import Origin
from bot.commands import (
    AskWhich,
    Command,
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
    command_to_json,
)
from bot.errors import (
    ActionRejected,
    GraphRefused,
    MethodRefused,
    MfaBotError,
    SenderUnknown,
    SignInError,
    SignInNeeded,
    StepUpNeeded,
    StoreUnavailable,
)
from bot.locale import DEFAULT_LANGUAGE, N_, Texts, texts_for
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
from bot.store import OutcomeKind, PendingCommand, Store
from bot.teams.adapter import TeamsAdapter
from bot.teams.people import address_of, is_personal, locale_of, reference_to, sender_of, text_of
from bot.teams.sign_in import Exchange, SignIn
from bot.telemetry import get_logger, log_error
from bot.understanding import understand
from cards import Rendered, render
from cards.state import REFRESH_VERB, SET_VERB, UNDO_VERB

__all__ = ["TeamsHandler"]

_log = get_logger(__name__)
_ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"
_MESSAGE = "application/vnd.microsoft.activity.message"
_MAX_ID = 512


@dataclass(frozen=True, slots=True)
class _Wish:
    """A command on its way: whose, from where, and what it has been through."""

    person: Person
    command: Command
    origin: Origin
    attempts: int = 0
    card_activity_id: str | None = None
    """The card that the answer replaces; None for an answer of its own."""
    taken_at_s: float = field(default_factory=time.monotonic)
    """When this instance began to work on it."""

    @property
    def resumed(self) -> bool:
        """True when it goes on after a sign-in."""
        return self.attempts > 0


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
            await self._apologise(turn_context, _unforeseen(error))

    async def _apologise(self, context: TurnContext, reply: TroubleReply) -> None:
        activity = context.activity
        if not is_personal(activity):
            return
        if activity.type == ActivityTypes.message:
            await self._send(context, reply)
        elif activity.name == "adaptiveCard/action":
            answer = _card_response(self._render(activity, reply))
            await context.send_activity(Activity(type=ActivityTypes.invoke_response, value=answer))

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:
        """Greet when the bot itself was added to a personal chat.

        The SDK's own way would ask the connector for every member first.
        """
        activity = turn_context.activity
        added = {member.id for member in activity.members_added or []}
        if is_personal(activity) and activity.recipient and activity.recipient.id in added:
            self._adapter.spawn(self._note_address(activity))
            await self._send(turn_context, WelcomeReply())

    async def on_installation_update_remove(self, turn_context: TurnContext) -> None:
        """The person has removed the bot: it must not write to them any more."""
        if is_personal(turn_context.activity):
            person = sender_of(turn_context.activity)
            await self._store.conversations.forget(person.tid, person.oid)

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        """A person has written something."""
        activity = turn_context.activity
        if not is_personal(activity):
            await self._send(turn_context, PersonalChatOnlyReply())
            return
        try:
            wish = _Wish(sender_of(activity), understand(text_of(activity)), _origin(activity))
            if isinstance(wish.command, (SetDefault, Undo)):
                await self._change_in_order(turn_context, wish)
                return
        except MfaBotError as error:
            await self._send(turn_context, _trouble(error))
            return
        await self._answer_by_message(turn_context, wish)

    async def _change_in_order(self, context: TurnContext, wish: _Wish) -> None:
        """Carry out an instruction once, after all that the person has said before."""
        # Put down at once, also if it has to wait for its turn: what is not put down is lost when the bot is stopped.
        begun = self._adapter.spawn(self._store.inbox.begin(_pending_of(wish)))
        async with self._order_of(wish.person):
            if not await begun:
                _log.info("message delivered again")
                return
            self._adapter.spawn(self._note_address(context.activity))
            if self._self_service.is_signed_in(wish.person):
                # Signed in by an earlier wish that is about to go on: it goes first.
                await self._carry_out_waiting(context, wish.person)
            if await self._is_still_ours(wish):
                reply = await self._carry_out(context, wish)
                if reply is not None:
                    await self._finished_by(self._send(context, reply), wish)

    async def _is_still_ours(self, wish: _Wish) -> bool:
        """False if we have been silent for so long that the person was told of an interruption."""
        if time.monotonic() - wish.taken_at_s < self._pace.renew_after_s:
            return True
        return await self._store.inbox.renew(wish.origin.key)

    async def _answer_by_message(self, context: TurnContext, wish: _Wish) -> None:
        reply = await self._carry_out(context, wish)
        if reply is not None:
            await self._send(context, reply)

    async def _finished_by(self, answer: Coroutine[Any, Any, None], wish: _Wish) -> None:
        """Give the answer. Then the wish is over, also if Teams does not take it; only a stop of the bot leaves it."""
        try:
            await answer
        except Exception:
            self._finish(wish)
            raise
        self._finish(wish)

    def _finish(self, wish: _Wish) -> None:
        # In the background, and again if the store is away: else the person would be told of an interruption.
        self._adapter.spawn(self._finish_in_the_end(wish.origin.key))

    async def _finish_in_the_end(self, key: str) -> None:
        for pause_s in (0.0, *self._pace.store_pauses_s):
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

    async def _carry_out(self, context: TurnContext, wish: _Wish) -> Reply | None:
        """The answer to ``wish``; None when a sign-in card was sent, and the answer comes after that."""
        try:
            return await self._answer(wish)
        except SignInNeeded as error:
            if wish.resumed:
                # Signed in a moment ago and still not good: asking for ever would not help.
                return _trouble(error)
            try:
                asking_again = replace(wish, attempts=wish.attempts + 1)
                await self._sign_in.ask(context, _pending_of(asking_again), _texts(context.activity))
                self._adapter.spawn(self._note_address(context.activity))
            except MfaBotError as failure:
                return _trouble(failure)
            return None
        except MfaBotError as error:
            return _trouble(error)
        except Exception as error:  # noqa: BLE001
            return _unforeseen(error)

    async def _answer(self, wish: _Wish) -> Reply:
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
            return _card_response(self._render(activity, PersonalChatOnlyReply()))
        try:
            command = _pressed(activity.value)
            wish = _Wish(sender_of(activity), command, _origin(activity), card_activity_id=_card_id(activity))
        except MfaBotError as error:
            return _card_response(self._render(activity, _trouble(error)))
        work = self._adapter.spawn(self._carry_out(context, wish))
        done, _ = await asyncio.wait({work}, timeout=self._pace.press_answer_s)
        if done:
            reply = await work
            return _card_response(self._render(activity, reply) if reply else _signing_in(_texts(activity)))
        if wish.card_activity_id:
            reference = TurnContext.get_conversation_reference(activity)
            self._adapter.spawn(self._replace_when_done(reference, wish, work))
            self._adapter.spawn(self._note_address(activity))
        return _card_response(self._render(activity, WorkingReply()))

    async def _replace_when_done(
        self, reference: ConversationReference, wish: _Wish, work: asyncio.Task[Reply | None]
    ) -> None:
        """Keep the promise of the card that asks for patience, or let another instance keep it if this one dies."""
        try:
            await self._store.inbox.begin(_pending_of(wish))
        except StoreUnavailable as error:
            log_error(_log, error)
        reply = await work
        if reply is not None:
            answer = self._adapter.resume(reference, lambda context: self._give(context, wish.card_activity_id, reply))
            await self._finished_by(answer, wish)

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
            await self._send(context, _trouble(error))

    async def _carry_out_waiting(self, context: TurnContext, person: Person) -> None:
        conversation_id = _origin(context.activity).conversation_id
        for pending in await self._sign_in.claim(person, conversation_id, None):
            wish = _wish_of(pending, person)
            reply = await self._carry_out(context, wish)
            if reply is not None:
                await self._finished_by(self._give(context, pending.card_activity_id, reply), wish)

    async def _give_up(self, context: TurnContext, person: Person, exchange: Exchange, error: MfaBotError) -> None:
        """Tell it once: in the card that promised a result, or in a message if the client does not show its own."""
        conversation_id = _origin(context.activity).conversation_id
        told = exchange.status == 412
        for pending in await self._sign_in.claim(person, conversation_id, exchange.id):
            self._finish(_wish_of(pending, person))
            if pending.card_activity_id or not told:
                await self._give(context, pending.card_activity_id, _trouble(error))
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
        reply = InterruptedReply(
            method=command.method if isinstance(command, SetDefault) else None,
            maybe_changed=isinstance(command, Press) or await self._has_begun(pending.message_key),
        )
        await self._adapter.resume(
            reference_to(address), lambda context: self._give(context, pending.card_activity_id, reply)
        )

    async def _has_begun(self, key: str) -> bool:
        origin = Origin(key, "")
        changes = [await self._store.audit.find_change(each.key) for each in (origin, origin.resumed())]
        return any(change is not None and change.outcome is not OutcomeKind.REFUSED for change in changes)

    async def _note_address(self, activity: Activity) -> None:
        """Remember where the person can be written to."""
        with suppress(SenderUnknown):
            address = address_of(activity, sender_of(activity))
            if address is not None:
                try:
                    await self._store.conversations.note(address)
                except StoreUnavailable as error:
                    log_error(_log, error)

    # Out

    async def _send(self, context: TurnContext, reply: Reply) -> None:
        await context.send_activity(_message(self._render(context.activity, reply)))

    async def _give(self, context: TurnContext, card_activity_id: str | None, reply: Reply) -> None:
        """The reply in the place of a card, or as a message of its own where there is none or it can't be replaced."""
        message = _message(self._render(context.activity, reply))
        if card_activity_id is not None:
            message.id = card_activity_id
            try:
                await context.update_activity(message)
            except MfaBotError as error:
                log_error(_log, error)
            else:
                return
        await self._send(context, reply)

    def _render(self, activity: Activity, reply: Reply) -> Rendered:
        return render(reply, _texts(activity), DEFAULT_LANGUAGE)


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


def _wish_of(pending: PendingCommand, person: Person) -> _Wish:
    return _Wish(
        person,
        command_from_json(pending.command),
        Origin(pending.message_key, pending.conversation_id),
        pending.attempts,
        pending.card_activity_id,
    )


def _pending_of(wish: _Wish) -> PendingCommand:
    return PendingCommand(
        id=str(uuid4()),
        tid=wish.person.tid,
        oid=wish.person.oid,
        command=command_to_json(wish.command),
        conversation_id=wish.origin.conversation_id,
        message_key=wish.origin.key,
        attempts=wish.attempts,
        card_activity_id=wish.card_activity_id,
    )


def _texts(activity: Activity) -> Texts:
    return texts_for(locale_of(activity))


def _origin(activity: Activity) -> Origin:
    conversation_id = str(activity.conversation.id)
    return Origin(f"message:{activity.id or uuid4()}:{conversation_id}"[:_MAX_ID], conversation_id[:_MAX_ID])


def _card_id(activity: Activity) -> str | None:
    """The message whose card was pressed, unless the id is longer than any of Teams'."""
    card_id = activity.reply_to_id
    return str(card_id) if card_id and len(card_id) <= _MAX_ID else None


def _pressed(value: object) -> Command:
    """The command of a button. Its data come back from a client, so only our own id in them counts.

    Raises:
        ActionRejected: not one of our buttons.
    """
    action = value.get("action") if isinstance(value, dict) else None
    verb, data = (action.get("verb"), action.get("data")) if isinstance(action, dict) else (None, None)
    if verb == REFRESH_VERB:
        return Refresh()
    action_id = data.get("action") if isinstance(data, dict) else None
    if verb in {SET_VERB, UNDO_VERB} and isinstance(action_id, str):
        return Press(action_id)
    raise ActionRejected("unknown verb or no id")


def _trouble(error: MfaBotError) -> TroubleReply:
    reference = uuid4().hex[:8]
    log_error(_log, error, reference=reference)
    helps_oneself = isinstance(error, (GraphRefused, MethodRefused, StepUpNeeded))
    return TroubleReply(error.user_sentence, reference, security_info=helps_oneself)


def _unforeseen(error: Exception) -> TroubleReply:
    """For what is a mistake of ours: the log gets the trace, the person a sentence that claims nothing."""
    reference = uuid4().hex[:8]
    _log.exception("a turn broke", error=type(error).__name__, reference=reference)
    sentence = N_("Something went wrong on my side, and I can't say how far I came. Look at how things are now.")
    return TroubleReply(sentence, reference)


def _signing_in(texts: Texts) -> Rendered:
    return Rendered(text=texts.gettext("I am signing you in; then I carry on by myself."))


def _message(rendered: Rendered) -> Activity:
    message = Activity(type=ActivityTypes.message, summary=rendered.summary or None, text=rendered.text or None)
    if rendered.card is not None:
        message.attachments = [Attachment(content_type=_ADAPTIVE_CARD, content=rendered.card)]
    if rendered.suggestions:
        actions = [CardAction(type=ActionTypes.im_back, title=text, value=text) for text in rendered.suggestions]
        message.suggested_actions = SuggestedActions(to=[], actions=actions)
    return message


def _card_response(rendered: Rendered) -> InvokeResponse:
    """An ``adaptiveCard/action`` is always answered by HTTP 200; what it means is in the body."""
    card: dict[str, Any] | None = rendered.card
    body = (
        {"statusCode": 200, "type": _ADAPTIVE_CARD, "value": card}
        if card is not None
        else {"statusCode": 200, "type": _MESSAGE, "value": rendered.text}
    )
    return InvokeResponse(status=200, body=body)
