"""Activity → command → reply → card. The one place where a message's way can be read from top to bottom."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
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
    NotUnderstood,
    Press,
    Refresh,
    SetDefault,
    Show,
    command_from_json,
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
    NotUnderstoodReply,
    PersonalChatOnlyReply,
    Reply,
    TroubleReply,
    WelcomeReply,
    WorkingReply,
)
from bot.self_service import SelfService
from bot.settings import Pace
from bot.store import PendingCommand, Store
from bot.teams.adapter import TeamsAdapter
from bot.teams.people import is_personal, locale_of, sender_of, text_of
from bot.teams.sign_in import Exchange, SignIn
from bot.telemetry import get_logger, log_error
from bot.understanding import understand
from cards import Rendered, render
from cards.state import REFRESH_VERB, SET_VERB

__all__ = ["TeamsHandler"]

_log = get_logger(__name__)
_ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"
_MESSAGE = "application/vnd.microsoft.activity.message"
_REDELIVERY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A command on its way: whose, from where, and what it has been through."""

    person: Person
    command: Command
    origin: Origin
    attempts: int = 0
    card_activity_id: str | None = None
    """The card that the answer replaces; None for an answer of its own."""

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
            await self._send(turn_context, WelcomeReply())

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        """A person has written something."""
        activity = turn_context.activity
        if not is_personal(activity):
            await self._send(turn_context, PersonalChatOnlyReply())
            return
        try:
            wish = _Wish(sender_of(activity), understand(text_of(activity)), _origin(activity))
            if isinstance(wish.command, SetDefault):
                await self._set_in_order(turn_context, wish)
                return
        except MfaBotError as error:
            await self._send(turn_context, _trouble(error))
            return
        await self._answer_by_message(turn_context, wish)

    async def _set_in_order(self, context: TurnContext, wish: _Wish) -> None:
        """Carry out an instruction once, after all that the person has said before."""
        async with self._order_of(wish.person):
            if context.activity.id and not await self._store.claim_once(wish.origin.key, _REDELIVERY):
                _log.info("message delivered again")
                return
            if self._self_service.is_signed_in(wish.person):
                # Signed in by an earlier wish that is about to go on: it goes first.
                await self._carry_out_waiting(context, wish.person)
            await self._answer_by_message(context, wish)

    async def _answer_by_message(self, context: TurnContext, wish: _Wish) -> None:
        reply = await self._carry_out(context, wish)
        if reply is not None:
            await self._send(context, reply)

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
                await self._sign_in.ask(
                    context,
                    wish.person,
                    wish.command,
                    wish.origin,
                    _texts(context.activity),
                    attempts=wish.attempts + 1,
                    card_activity_id=wish.card_activity_id,
                )
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
            case AskWhich(candidates):
                return await self._self_service.ask_which(wish.person, candidates)
            case ForSomebodyElse():
                return ForSomebodyElseReply()
            case Help():
                return HelpReply()
            case Greet():
                return GreetingReply(wish.person.display_name)
            case NotUnderstood():
                return NotUnderstoodReply()

    # Buttons

    async def _on_card_action(self, context: TurnContext) -> InvokeResponse:
        """Answer a press in time: with the result, or with a card that is replaced when the result is there."""
        activity = context.activity
        if not is_personal(activity):
            return _card_response(self._render(activity, PersonalChatOnlyReply()))
        try:
            command = _pressed(activity.value)
            wish = _Wish(sender_of(activity), command, _origin(activity), card_activity_id=activity.reply_to_id)
        except MfaBotError as error:
            return _card_response(self._render(activity, _trouble(error)))
        work = self._adapter.spawn(self._carry_out(context, wish))
        done, _ = await asyncio.wait({work}, timeout=self._pace.press_answer_s)
        if done:
            reply = await work
            return _card_response(self._render(activity, reply) if reply else _signing_in(_texts(activity)))
        if activity.reply_to_id:
            reference = TurnContext.get_conversation_reference(activity)
            self._adapter.spawn(self._replace_when_done(reference, activity.reply_to_id, work))
        return _card_response(self._render(activity, WorkingReply()))

    async def _replace_when_done(
        self, reference: ConversationReference, card_activity_id: str, work: asyncio.Task[Reply | None]
    ) -> None:
        reply = await work
        if reply is not None:
            await self._adapter.resume(reference, lambda context: self._give(context, card_activity_id, reply))

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
            reply = await self._carry_out(context, _wish_of(pending, person))
            if reply is not None:
                await self._give(context, pending.card_activity_id, reply)

    async def _give_up(self, context: TurnContext, person: Person, exchange: Exchange, error: MfaBotError) -> None:
        """Tell it once: in the card that promised a result, or in a message if the client does not show its own."""
        conversation_id = _origin(context.activity).conversation_id
        told = exchange.status == 412
        for pending in await self._sign_in.claim(person, conversation_id, exchange.id):
            if pending.card_activity_id or not told:
                await self._give(context, pending.card_activity_id, _trouble(error))
                told = True

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


def _wish_of(pending: PendingCommand, person: Person) -> _Wish:
    return _Wish(
        person,
        command_from_json(pending.command),
        Origin(pending.message_key, pending.conversation_id),
        pending.attempts,
        pending.card_activity_id,
    )


def _texts(activity: Activity) -> Texts:
    return texts_for(locale_of(activity))


def _origin(activity: Activity) -> Origin:
    conversation_id = str(activity.conversation.id)
    return Origin(f"message:{activity.id or uuid4()}:{conversation_id}"[:512], conversation_id[:512])


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
    if verb == SET_VERB and isinstance(action_id, str):
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
