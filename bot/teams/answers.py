"""Replies on their way out: rendered, and sent, put in the place of a card, or returned as the answer to a press."""

from __future__ import annotations

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

from bot.errors import MfaBotError
from bot.locale import DEFAULT_LANGUAGE, Texts, texts_for, translated_languages
from bot.replies import Reply
from bot.teams.people import locale_of
from bot.telemetry import get_logger, log_error
from cards import Rendered, render

__all__ = ["answer_in", "answer_to_press", "language_of", "replace_card", "send", "signing_in", "texts_of"]

_log = get_logger(__name__)
_ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"
_LANGUAGE = "mfabot.language"
_MESSAGE = "application/vnd.microsoft.activity.message"


def answer_in(activity: Activity, language: str) -> None:
    """Answer ``activity`` in the language of its text, if there are texts in it; else in that of the client."""
    if language in translated_languages():
        activity.additional_properties[_LANGUAGE] = language


def texts_of(activity: Activity) -> Texts:
    """The texts in the language of whoever sent ``activity``."""
    return texts_for(language_of(activity))


def language_of(activity: Activity) -> str:
    """The language to answer in; one for which there are texts."""
    written = activity.additional_properties.get(_LANGUAGE)
    client = (locale_of(activity) or "").replace("_", "-").partition("-")[0].lower()
    known = translated_languages()
    return next((one for one in (written, client) if one in known), DEFAULT_LANGUAGE)


async def send(context: TurnContext, reply: Reply) -> None:
    """The reply as a message of its own.

    Raises:
        MfaBotError: Teams did not take it.
    """
    await context.send_activity(_message(_rendered(context.activity, reply)))


async def replace_card(context: TurnContext, card_activity_id: str | None, reply: Reply) -> None:
    """The reply in the place of a card, or as a message of its own where there is none or it can't be replaced.

    Raises:
        MfaBotError: Teams did not take that either.
    """
    if card_activity_id is not None:
        message = _message(_rendered(context.activity, reply))
        message.id = card_activity_id
        try:
            await context.update_activity(message)
        except MfaBotError as error:
            log_error(_log, error)
        else:
            return
    await send(context, reply)


def answer_to_press(activity: Activity, reply: Reply) -> InvokeResponse:
    """The reply as the answer to a pressed button; its card takes the place of the button's."""
    return _card_response(_rendered(activity, reply))


def signing_in(activity: Activity) -> InvokeResponse:
    """The answer to a press that has to wait for a sign-in."""
    return _card_response(Rendered(text=texts_of(activity).gettext("I am signing you in; then I carry on by myself.")))


def _rendered(activity: Activity, reply: Reply) -> Rendered:
    return render(reply, texts_of(activity), language_of(activity))


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
