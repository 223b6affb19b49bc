"""Replies: what to say to a person. Facts only; wording and looks are the cards' business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.mfa import DefaultMethod, MfaState, Option, Person

__all__ = [
    "AlreadyDefault",
    "CantChoose",
    "Changed",
    "ForSomebodyElseReply",
    "GreetingReply",
    "HelpReply",
    "NewsItem",
    "NoneOfThem",
    "NotUnderstoodReply",
    "OutcomeUnknown",
    "OutdatedCard",
    "PersonalChatOnlyReply",
    "Refused",
    "Reply",
    "StateReply",
    "StillWorking",
    "TroubleReply",
    "WelcomeReply",
    "WhichOne",
    "WorkingReply",
]


@dataclass(frozen=True, slots=True)
class Changed:
    """Graph took the change. ``confirmed`` is True when a re-read agreed, False when it has not caught up yet."""

    before: str | None
    """The default before, as Graph spelled it; None when there was none."""
    after: DefaultMethod
    confirmed: bool


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """Graph was asked, but no answer tells whether it took; the state shown is what a re-read said, if any."""

    method: DefaultMethod


@dataclass(frozen=True, slots=True)
class AlreadyDefault:
    """``method`` is the default already; nothing was sent."""

    method: DefaultMethod


@dataclass(frozen=True, slots=True)
class CantChoose:
    """The wanted method can't be chosen; ``option.standing`` says why."""

    option: Option


@dataclass(frozen=True, slots=True)
class Refused:
    """Microsoft did not accept the method; the state is as re-read."""

    method: DefaultMethod


@dataclass(frozen=True, slots=True)
class WhichOne:
    """The wish could mean several methods; empty ``candidates`` means that none was named."""

    candidates: tuple[DefaultMethod, ...] = ()


@dataclass(frozen=True, slots=True)
class NoneOfThem:
    """The wish could mean several methods, and none of them can be chosen."""

    methods: tuple[DefaultMethod, ...]


@dataclass(frozen=True, slots=True)
class OutdatedCard:
    """A button of an old card was pressed; nothing was changed, here is the fresh state."""


@dataclass(frozen=True, slots=True)
class StillWorking:
    """The same press is being carried out at this moment."""


NewsItem = (
    Changed
    | OutcomeUnknown
    | AlreadyDefault
    | CantChoose
    | Refused
    | NoneOfThem
    | WhichOne
    | OutdatedCard
    | StillWorking
)


@dataclass(frozen=True, slots=True)
class StateReply:
    """Somebody's methods and default, with the buttons that may be pressed and what has just happened."""

    person: Person
    state: MfaState
    options: tuple[Option, ...]
    action_ids: Mapping[DefaultMethod, str] = field(default_factory=dict)
    """A minted id for each method that has a button."""
    news: NewsItem | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class TroubleReply:
    """Something did not work. ``sentence`` is a message id; ``reference`` lets the operator find the log entry."""

    sentence: str
    reference: str
    security_info: bool = False
    """True where the person can help themselves on the Security info page."""


@dataclass(frozen=True, slots=True)
class WorkingReply:
    """The press is understood and being carried out; this card will be replaced."""


@dataclass(frozen=True, slots=True)
class WelcomeReply:
    """The bot has just been installed."""


@dataclass(frozen=True, slots=True)
class GreetingReply:
    """An answer to hello."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class HelpReply:
    """What the bot can do."""


@dataclass(frozen=True, slots=True)
class NotUnderstoodReply:
    """An honest 'I did not understand', with suggestions."""


@dataclass(frozen=True, slots=True)
class ForSomebodyElseReply:
    """The bot can't act for other people."""


@dataclass(frozen=True, slots=True)
class PersonalChatOnlyReply:
    """Methods are a private matter: come to the personal chat."""


Reply = (
    StateReply
    | TroubleReply
    | WorkingReply
    | WelcomeReply
    | GreetingReply
    | HelpReply
    | NotUnderstoodReply
    | ForSomebodyElseReply
    | PersonalChatOnlyReply
)
