"""Which card a reply gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.locale import Texts
from bot.replies import (
    ForSomebodyElseReply,
    GreetingReply,
    HelpReply,
    NotUnderstoodReply,
    PersonalChatOnlyReply,
    Reply,
    StateReply,
    TroubleReply,
    WelcomeReply,
    WorkingReply,
)
from cards.elements import Card
from cards.plain import (
    for_somebody_else_card,
    greeting_card,
    help_card,
    not_understood_card,
    trouble_card,
    welcome_card,
    working_card,
)
from cards.state import state_card

__all__ = ["Rendered", "render"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What goes out: a card as plain JSON, or only text; ``summary`` is for notifications."""

    card: dict[str, Any] | None = None
    text: str = ""
    summary: str = ""
    suggestions: tuple[str, ...] = ()
    """Sentences that the person may send by a click; Teams shows at most three."""


def render(reply: Reply, texts: Texts, lang: str) -> Rendered:
    """``reply`` in the language of ``texts``; ``lang`` is its ISO 639-1 code."""
    if isinstance(reply, PersonalChatOnlyReply):
        # A card would say no more, and in a group everybody reads it.
        text = texts.gettext("Sign-in methods are a private matter. Please write to me in our personal chat.")
        return Rendered(text=text, summary=text)
    card = _card(reply, texts, lang).to_dict()
    suggestions = _suggestions(reply)
    return Rendered(card=card, summary=card["fallbackText"], suggestions=suggestions)


def _card(reply: Reply, texts: Texts, lang: str) -> Card:
    match reply:
        case StateReply():
            return state_card(reply, texts, lang)
        case TroubleReply():
            return trouble_card(reply, texts, lang)
        case GreetingReply():
            return greeting_card(reply, texts, lang)
        case WorkingReply():
            return working_card(texts, lang)
        case WelcomeReply():
            return welcome_card(texts, lang)
        case HelpReply():
            return help_card(texts, lang)
        case ForSomebodyElseReply():
            return for_somebody_else_card(texts, lang)
        case NotUnderstoodReply():
            return not_understood_card(texts, lang)
    raise TypeError(f"no card for {type(reply).__name__}")


def _suggestions(reply: Reply) -> tuple[str, ...]:
    if isinstance(reply, (NotUnderstoodReply, GreetingReply, WelcomeReply)):
        # What is sent must be understood, so these stay English until other languages are.
        return ("show my methods", "help")
    return ()
