"""Which card a reply gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.locale import Reader
from bot.replies import (
    CancelledReply,
    CantDoReply,
    ExplainReply,
    ForSomebodyElseReply,
    GreetingReply,
    HelpReply,
    HistoryReply,
    InterruptedReply,
    NotUnderstoodReply,
    OutdatedReply,
    PersonalChatOnlyReply,
    Reply,
    SignedOutReply,
    SigningInReply,
    StateReply,
    TroubleReply,
    Weaker,
    WelcomeReply,
    WhoReply,
    WorkingReply,
)
from cards.advice import cant_do_card, explain_card
from cards.elements import Card
from cards.history import history_card
from cards.phrases import Phrase, phrase
from cards.plain import (
    cancelled_card,
    for_somebody_else_card,
    greeting_card,
    help_card,
    interrupted_card,
    not_understood_card,
    signed_out_card,
    signing_in_card,
    welcome_card,
    who_card,
    working_card,
)
from cards.state import outdated_card, state_card
from cards.trouble import trouble_card

__all__ = ["Rendered", "render"]

_ALWAYS_THE_SAME: dict[type, Callable[[Reader], Card]] = {
    WorkingReply: working_card,
    SigningInReply: signing_in_card,
    WelcomeReply: welcome_card,
    HelpReply: help_card,
    WhoReply: who_card,
    CancelledReply: cancelled_card,
}
_CARDS: dict[type, Callable[[Any, Reader], Card]] = {
    StateReply: state_card,
    OutdatedReply: outdated_card,
    TroubleReply: trouble_card,
    HistoryReply: history_card,
    InterruptedReply: interrupted_card,
    SignedOutReply: signed_out_card,
    GreetingReply: greeting_card,
    ForSomebodyElseReply: for_somebody_else_card,
    NotUnderstoodReply: not_understood_card,
    ExplainReply: explain_card,
    CantDoReply: cant_do_card,
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """What goes out: a card as plain JSON, or only text; ``summary`` is for notifications."""

    card: dict[str, Any] | None = None
    text: str = ""
    summary: str = ""
    suggestions: tuple[str, ...] = ()
    """Sentences that the person may send by a click; Teams shows at most three."""


def render(reply: Reply, reader: Reader) -> Rendered:
    """``reply`` as ``reader`` reads it."""
    if isinstance(reply, PersonalChatOnlyReply):
        # A card would say no more, and in a group everybody reads it.
        text = reader.gettext("Sign-in methods are a private matter. Please write to me in our personal chat.")
        return Rendered(text=text, summary=text)
    card = _card(reply, reader).to_dict()
    suggestions = _suggestions(reply, reader)
    return Rendered(card=card, summary=card["fallbackText"], suggestions=suggestions)


def _card(reply: Reply, reader: Reader) -> Card:
    always_the_same = _ALWAYS_THE_SAME.get(type(reply))
    if always_the_same is not None:
        return always_the_same(reader)
    card = _CARDS.get(type(reply))
    if card is None:
        raise TypeError(f"no card for {type(reply).__name__}")
    return card(reply, reader)


def _suggestions(reply: Reply, reader: Reader) -> tuple[str, ...]:
    phrases: tuple[Phrase, ...] = ()
    if isinstance(reply, (NotUnderstoodReply, GreetingReply, WelcomeReply)):
        phrases = (Phrase.SHOW, Phrase.HELP)
    elif isinstance(reply, StateReply) and isinstance(reply.news, Weaker):
        phrases = (Phrase.YES, Phrase.NO)
    return tuple(phrase(one, reader) for one in phrases)
