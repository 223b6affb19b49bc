"""Activity → command → reply → card. The one place where a message's way can be read from top to bottom."""

from __future__ import annotations

import asyncio
from functools import partial

from botbuilder.core import TurnContext
from botbuilder.core.teams import TeamsActivityHandler
from botbuilder.schema import Activity, ActivityTypes, ConversationReference, InvokeResponse

from bot.commands import changes_something
from bot.errors import MfaBotError, StoreUnavailable
from bot.replies import PersonalChatOnlyReply, Reply, SigningInReply, TroubleReply, WelcomeReply, WorkingReply
from bot.settings import Pace
from bot.store import Store
from bot.teams.adapter import TeamsAdapter
from bot.teams.answers import Answers, signing_in
from bot.teams.deliveries import Deliveries
from bot.teams.errands import Errands
from bot.teams.explain import Explainer
from bot.teams.people import is_personal, locale_of, sender_of, text_of
from bot.teams.sign_in_steps import SignInSteps
from bot.teams.topics import Topics
from bot.teams.wishes import Wish, origin_of
from bot.telemetry import get_logger, log_error
from bot.understanding import understand

__all__ = ["TeamsHandler"]

_log = get_logger(__name__)


class TeamsHandler(TeamsActivityHandler):
    """Dispatches what Teams sends. Every error of ours becomes a card that says what it means."""

    def __init__(
        self,
        adapter: TeamsAdapter,
        answers: Answers,
        topics: Topics,
        errands: Errands,
        sign_in: SignInSteps,
        store: Store,
        explain: Explainer,
        pace: Pace,
    ) -> None:
        super().__init__()
        self._adapter = adapter
        self._answers = answers
        self._topics = topics
        self._errands = errands
        self._sign_in = sign_in
        self._store = store
        self._explain = explain
        self._pace = pace
        self._deliveries = Deliveries()

    async def on_turn(self, turn_context: TurnContext) -> None:
        """One turn. What nobody foresaw is logged, and the person hears that something went wrong."""
        try:
            await super().on_turn(turn_context)
        except MfaBotError:
            raise
        except Exception as error:  # noqa: BLE001
            await self._apologise(turn_context, self._explain.unforeseen(error))

    async def _apologise(self, context: TurnContext, reply: TroubleReply) -> None:
        activity = context.activity
        if not is_personal(activity):
            return
        if activity.type == ActivityTypes.message:
            await self._answers.send(context, reply)
        elif activity.name == "adaptiveCard/action":
            answer = self._answers.to_press(activity, reply)
            await context.send_activity(Activity(type=ActivityTypes.invoke_response, value=answer))

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:
        """Greet when the bot itself was added to a personal chat.

        The SDK's own way would ask the connector for every member first.
        """
        activity = turn_context.activity
        added = {member.id for member in activity.members_added or []}
        if self._deliveries.is_repeated(activity):
            return
        if is_personal(activity) and activity.recipient and activity.recipient.id in added:
            self._adapter.spawn(self._errands.note_address(activity, anew=True))
            await self._answers.send(turn_context, WelcomeReply())

    async def on_installation_update_remove(self, turn_context: TurnContext) -> None:
        """The person has removed the bot: it must not write to them any more."""
        # An upgrade removes it only to add it again.
        if is_personal(turn_context.activity) and turn_context.activity.action == "remove":
            person = sender_of(turn_context.activity)
            await self._store.conversations.forget(person.tid, person.oid)

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        """A person has written something."""
        activity = turn_context.activity
        if self._deliveries.is_repeated(activity):
            return
        if not is_personal(activity):
            await self._answers.send(turn_context, PersonalChatOnlyReply())
            return
        language: str | None = None
        try:
            person, origin = sender_of(activity), origin_of(activity)
            about = self._topics.of(origin.conversation_id)
            understood = understand(text_of(activity), about.language or locale_of(activity), about)
            self._topics.keep(origin.conversation_id, understood.topic)
            # Only what a card asks can be answered, and only once it is there.
            self._topics.close_question(origin.conversation_id)
            language = understood.language
            wish = Wish(person, understood.command, origin, language=language)
            if changes_something(wish.command):
                await self._errands.change_in_order(turn_context, wish)
                return
        except MfaBotError as error:
            await self._answers.send(turn_context, self._explain.trouble(error), language)
            return
        reply = await self._errands.carry_out(turn_context, wish)
        if reply is not None:
            await self._answers.send(turn_context, reply, wish.language)

    async def on_invoke_activity(self, turn_context: TurnContext) -> InvokeResponse | None:
        """A client wants an answer: a pressed button or a step of the sign-in."""
        match turn_context.activity.name:
            case "adaptiveCard/action":
                return await self._on_card_action(turn_context)
            case "signin/tokenExchange":
                return await self._sign_in.on_token_exchange(turn_context)
            case "signin/verifyState":
                return await self._sign_in.on_verify_state(turn_context)
            case "signin/failure":
                return await self._sign_in.on_failure(turn_context)
        return None

    async def _on_card_action(self, context: TurnContext) -> InvokeResponse:
        """Answer a press in time: with the result, or with a card that is replaced when the result is there."""
        activity = context.activity
        if not is_personal(activity):
            return self._answers.to_press(activity, PersonalChatOnlyReply())
        try:
            wish = Wish.pressed(activity)
        except MfaBotError as error:
            return self._answers.to_press(activity, self._explain.trouble(error))
        self._topics.close_question(wish.origin.conversation_id)
        work = self._adapter.spawn(self._errands.carry_out(context, wish))
        done, _ = await asyncio.wait({work}, timeout=self._pace.press_answer_s)
        if done:
            reply = await work
            if reply is None:
                return signing_in(activity, wish.language)
            return self._answers.to_press(activity, reply, wish.language)
        if wish.card_activity_id:
            reference = TurnContext.get_conversation_reference(activity)
            self._adapter.spawn(self._replace_when_done(reference, wish, work))
            self._adapter.spawn(self._errands.note_address(activity))
        return self._answers.to_press(activity, WorkingReply(), wish.language)

    async def _replace_when_done(
        self, reference: ConversationReference, wish: Wish, work: asyncio.Task[Reply | None]
    ) -> None:
        """Keep the promise of the card that asks for patience, or let another instance keep it if this one dies."""
        try:
            await self._store.inbox.begin(wish.to_store())
        except StoreUnavailable as error:
            log_error(_log, error)
        reply = await work
        answer = partial(
            self._answers.replace_card,
            card_activity_id=wish.card_activity_id,
            reply=reply or SigningInReply(),
            language=wish.language,
        )
        told = self._adapter.resume(reference, answer)
        await (self._errands.finished_by(told, wish) if reply is not None else told)
