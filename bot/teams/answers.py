"""Replies on their way out: rendered, and sent, put in the place of a card, or returned as the answer to a press."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

from botbuilder.core import TurnContext
from botbuilder.schema import (
    ActionTypes,
    Activity,
    ActivityTypes,
    Attachment,
    CardAction,
    InvokeResponse,
    SuggestedActions,
)

from bot.commands import AskWhich
from bot.errors import MfaBotError
from bot.locale import Reader, translated_languages
from bot.replies import (
    Changed,
    OutcomeUnknown,
    OutdatedReply,
    Reply,
    ShallIPutBack,
    StateReply,
    Weaker,
    WhichOne,
)
from bot.teams.adapter import TeamsAdapter
from bot.teams.people import locale_of, zone_of
from bot.teams.shown import Shown, ShownCards
from bot.teams.topics import Topics
from bot.telemetry import get_logger, log_error
from cards import Rendered, render

__all__ = ["Answers", "reader_of", "signing_in"]

_log = get_logger(__name__)
_ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"
_UNDO_S = 10 * 60
_MESSAGE = "application/vnd.microsoft.activity.message"


def reader_of(activity: Activity, language: str | None = None) -> Reader:
    """Who reads the answer to ``activity``: in ``language`` if there are texts in it, else in the client's."""
    client = locale_of(activity)
    return Reader.of(language if language in translated_languages() else client, client, zone_of(activity))


class Answers:
    """Gives replies, and keeps in mind what they show and ask."""

    def __init__(self, adapter: TeamsAdapter, topics: Topics) -> None:
        self._adapter = adapter
        self._topics = topics
        self._shown = ShownCards()

    async def send(self, context: TurnContext, reply: Reply, language: str | None = None) -> None:
        """The reply as a message of its own; in ``language``, or in the client's.

        Raises:
            MfaBotError: Teams did not take it.
        """
        reader = reader_of(context.activity, language)
        sent = await context.send_activity(_message(render(reply, reader)))
        self._given(context.activity, sent.id if sent else None, reply, reader)

    async def replace_card(
        self, context: TurnContext, card_activity_id: str | None, reply: Reply, language: str | None = None
    ) -> None:
        """The reply in the place of a card, or as a message of its own where there is none or it can't be replaced.

        In ``language``, or in the client's.

        Raises:
            MfaBotError: Teams did not take that either.
        """
        if card_activity_id is not None:
            reader = reader_of(context.activity, language)
            try:
                await _put(context, card_activity_id, reply, reader)
            except MfaBotError as error:
                log_error(_log, error)
            else:
                self._given(context.activity, card_activity_id, reply, reader)
                return
        await self.send(context, reply, language)

    def to_press(self, activity: Activity, reply: Reply, language: str | None = None) -> InvokeResponse:
        """The reply as the answer to a pressed button; its card takes the place of the button's."""
        reader = reader_of(activity, language)
        reply = self._with_undo(activity, reply)
        self._given(activity, activity.reply_to_id, reply, reader)
        return _card_response(render(reply, reader))

    def _with_undo(self, activity: Activity, reply: Reply) -> Reply:
        """Keep the way back on a card that was only refreshed, for its ten minutes."""
        shown = self._shown.newest(str(activity.conversation.id))
        if shown is None or shown.activity_id != activity.reply_to_id or not isinstance(reply, StateReply):
            return reply
        same = reply.news is None and reply.state.default is shown.reply.state.default
        still = same and time.monotonic() < shown.undo_until_s
        return replace(reply, undo_id=shown.reply.undo_id) if still else reply

    def _given(self, activity: Activity, activity_id: str | None, reply: Reply, reader: Reader) -> None:
        if not isinstance(reply, StateReply):
            return
        conversation_id = str(activity.conversation.id)
        match reply.news:
            case Weaker(method=method):
                self._topics.ask(conversation_id, AskWhich((method,)), reader.language, warned=True)
            case WhichOne(candidates):
                self._topics.ask(conversation_id, AskWhich(candidates), reader.language)
            case _:
                self._topics.close_question(conversation_id)
        if activity_id:
            before = self._shown.note(
                conversation_id, Shown(activity_id, reply, reader, self._undo_until_s(activity, reply))
            )
            if before is not None:
                reference = TurnContext.get_conversation_reference(activity)
                # Nobody waits for it; and if it fails, the old buttons are checked all the same.
                self._adapter.spawn(self._adapter.resume(reference, partial(self._mark_as_outdated, before, reply)))

    def _undo_until_s(self, activity: Activity, reply: StateReply) -> float:
        if reply.undo_id is None:
            return 0.0
        shown = self._shown.newest(str(activity.conversation.id))
        return time.monotonic() + _UNDO_S if reply.news is not None or shown is None else shown.undo_until_s

    async def _mark_as_outdated(self, before: Shown, now: StateReply, context: TurnContext) -> None:
        """Leave of ``before`` what it told, and its way back unless another change came since."""
        await _put(context, before.activity_id, _outdated(before, now), before.reader)
        newest = self._shown.newest(str(context.activity.conversation.id))
        if newest is not None and newest.activity_id == before.activity_id:
            # Meanwhile one of its buttons was pressed, and what that showed has just been overwritten.
            await _put(context, newest.activity_id, newest.reply, newest.reader)


def _outdated(before: Shown, now: StateReply) -> OutdatedReply:
    changed_since = isinstance(now.news, (Changed, OutcomeUnknown))
    # A question that is over would only puzzle.
    told = None if isinstance(before.reply.news, (Weaker, WhichOne, ShallIPutBack)) else before.reply.news
    return OutdatedReply(told, None if changed_since or told is None else before.reply.undo_id)


async def _put(context: TurnContext, card_activity_id: str, reply: Reply, reader: Reader) -> None:
    message = _message(render(reply, reader))
    message.id = card_activity_id
    await context.update_activity(message)


def signing_in(activity: Activity, language: str | None = None) -> InvokeResponse:
    """The answer to a press that has to wait for a sign-in."""
    text = reader_of(activity, language).gettext(
        "One moment: I have to sign you in first. If a button appears, please press it."
    )
    return _card_response(Rendered(text=text))


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
