"""Replies: what to say to a person. Facts only; wording and looks are the cards' business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from bot.commands import Command
from bot.mfa import DefaultMethod, MfaState, Option, Person

__all__ = [
    "AlreadyBack",
    "AlreadyDefault",
    "AnotherUnderWay",
    "CancelledReply",
    "CantChoose",
    "CantDoReply",
    "CantPutBack",
    "CantUnset",
    "Changed",
    "ConsentWanted",
    "ExplainReply",
    "ForSomebodyElseReply",
    "GreetingReply",
    "HelpReply",
    "HistoryEntry",
    "HistoryReply",
    "InterruptedReply",
    "NewsItem",
    "NoneOfThem",
    "NotUnderstoodReply",
    "NothingToUndo",
    "OutcomeUnknown",
    "OutdatedCard",
    "OutdatedReply",
    "PersonalChatOnlyReply",
    "Refused",
    "Reply",
    "ShallIPutBack",
    "SignedOutReply",
    "SigningInReply",
    "StateReply",
    "StillWorking",
    "TooOften",
    "TroubleReply",
    "UndoDoubt",
    "UnknownBefore",
    "Weaker",
    "WelcomeReply",
    "WhichOne",
    "WhoReply",
    "WorkingReply",
]


@dataclass(frozen=True, slots=True)
class Changed:
    """Graph took the change. ``confirmed`` is True when a re-read agreed, False when it has not caught up yet."""

    before: str | None
    """The default before, as Graph spelled it; None when there was none. The same as ``after`` where that was set once
    more to make sure of it, and so there is nothing to put back."""
    after: DefaultMethod
    confirmed: bool
    undone: bool = False
    """True when it was put back rather than newly chosen."""


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
class Weaker:
    """``method`` protects less than ``before``, the default now; whether it shall be so is asked, nothing was sent."""

    before: DefaultMethod
    method: DefaultMethod


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


@dataclass(frozen=True, slots=True)
class AnotherUnderWay:
    """Another change for the same person has not ended yet, so this one was not begun."""


@dataclass(frozen=True, slots=True)
class TooOften:
    """The limit of changes within an hour is reached; nothing was sent. ``wait_min`` is in minutes, at least 1."""

    limit: int
    wait_min: int


@dataclass(frozen=True, slots=True)
class NothingToUndo:
    """Nothing was changed through the bot for this person, as far as its records go."""


@dataclass(frozen=True, slots=True)
class AlreadyBack:
    """To be put back, but ``method`` is the default already; nothing was sent."""

    method: DefaultMethod


@dataclass(frozen=True, slots=True)
class CantUnset:
    """Before the last change there was no default, and Graph can't take one away again; nothing was sent."""


@dataclass(frozen=True, slots=True)
class CantPutBack:
    """What stood before the last change can't be chosen (any more); ``option.standing`` says why."""

    option: Option


@dataclass(frozen=True, slots=True)
class UnknownBefore:
    """What stood before the last change is a name of Graph's that is new to us, ``name``; nothing was sent."""

    name: str


class UndoDoubt(Enum):
    """Why a change is not put back without asking."""

    ELSEWHERE = "elsewhere"
    """The default was changed by other means since."""
    OLD = "old"
    """The last change is more than a day ago."""


@dataclass(frozen=True, slots=True)
class ShallIPutBack:
    """The last change was ``before`` → ``after``; whether it shall be put back is asked, and nothing was sent."""

    before: DefaultMethod
    after: DefaultMethod
    at_utc: datetime
    doubt: UndoDoubt


NewsItem = (
    Changed
    | OutcomeUnknown
    | AlreadyDefault
    | CantChoose
    | Refused
    | NoneOfThem
    | WhichOne
    | Weaker
    | OutdatedCard
    | StillWorking
    | AnotherUnderWay
    | TooOften
    | NothingToUndo
    | AlreadyBack
    | CantUnset
    | CantPutBack
    | UnknownBefore
    | ShallIPutBack
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
    undo_id: str | None = None
    """A minted id for the button that puts the change of ``news`` back; None where that has no button."""
    carried_out: bool = False
    """True when a change was made just now, or was not needed: what was said before it must not be done any more."""


@dataclass(frozen=True, slots=True)
class OutdatedReply:
    """Takes the place of a state card once another one of the same chat shows how things are."""

    news: NewsItem | None = None
    """What had happened when the card was new, to be kept as a record in the chat."""
    undo_id: str | None = None
    """The id of its button that puts the change back, where that is still the last one."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change as it is on record."""

    at_utc: datetime
    before: str | None
    """The default before, as Graph spelled it; None when there was none."""
    after: DefaultMethod
    sure: bool
    """False where nobody can say whether it took."""
    undone: bool = False
    """True when it put an earlier change back."""
    by: str | None = None
    """Name of the agent who made it; None for the person themselves."""


@dataclass(frozen=True, slots=True)
class HistoryReply:
    """The last changes made through the bot for one person, newest first; ten at most."""

    entries: tuple[HistoryEntry, ...]


@dataclass(frozen=True, slots=True)
class InterruptedReply:
    """The bot was stopped while it was at work on what the person wanted."""

    method: DefaultMethod | None = None
    """The method that should become the default; None for a wish of another kind."""
    changed: bool = False
    """True when it is on record that Graph took it."""
    maybe_changed: bool = False
    """True when Graph may have been asked already, so that nobody can say whether it took."""


@dataclass(frozen=True, slots=True)
class TroubleReply:
    """Something did not work. ``sentence`` is a message id; ``reference`` lets the operator find the log entry."""

    sentence: str
    reference: str
    retry: Command | None = None
    """What the person wanted, where the same may work in a while."""
    security_info: bool = False
    """True where the person can help themselves on the Security info page."""
    contact: str = ""
    """Who can help where the person can't: a text or a link."""
    consent: ConsentWanted | None = None
    """What an administrator has to allow first."""


@dataclass(frozen=True, slots=True)
class ConsentWanted:
    """Delegated permissions of Microsoft Graph that an administrator has to grant, and the page where that is done."""

    permissions: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class SignedOutReply:
    """The person's sign-in is forgotten. ``everywhere`` is False if other instances of the bot could not be told."""

    everywhere: bool = True


@dataclass(frozen=True, slots=True)
class WorkingReply:
    """The press is understood and being carried out; this card will be replaced."""


@dataclass(frozen=True, slots=True)
class SigningInReply:
    """The wish waits for a sign-in, for which there may be a button; a card of its own will have the result."""


@dataclass(frozen=True, slots=True)
class WelcomeReply:
    """The bot has just been installed."""


@dataclass(frozen=True, slots=True)
class GreetingReply:
    """An answer to small talk."""

    name: str = ""
    kind: str = "hello"
    """See ``bot.commands.Greet``."""


@dataclass(frozen=True, slots=True)
class HelpReply:
    """What the bot can do."""


@dataclass(frozen=True, slots=True)
class NotUnderstoodReply:
    """An honest 'I did not understand', with suggestions."""

    pasted_code: bool = False
    """True where what was written looks like a code for signing in."""


@dataclass(frozen=True, slots=True)
class ForSomebodyElseReply:
    """The bot can't act for other people."""

    target: str = ""
    """Whom it was about, as written; foreign text, escape before showing."""
    method: DefaultMethod | None = None
    """What their default should have become."""
    contact: str = ""
    """Who can help; empty where the operator named nobody."""


@dataclass(frozen=True, slots=True)
class WhoReply:
    """Somebody else was meant, but not named."""


@dataclass(frozen=True, slots=True)
class ExplainReply:
    """An answer to a question about how it all works; ``topic`` is one of ``bot.commands.EXPLAINED``."""

    topic: str


@dataclass(frozen=True, slots=True)
class CantDoReply:
    """What is done elsewhere, and where; ``topic`` is one of ``bot.commands.NOT_DONE_HERE``."""

    topic: str
    contact: str = ""
    """Who can help; empty where the operator named nobody."""
    about_me: bool = True
    """False where it was about somebody else."""


@dataclass(frozen=True, slots=True)
class CancelledReply:
    """Nothing that was waiting will be done."""


@dataclass(frozen=True, slots=True)
class PersonalChatOnlyReply:
    """Methods are a private matter: come to the personal chat."""


Reply = (
    StateReply
    | OutdatedReply
    | TroubleReply
    | WorkingReply
    | HistoryReply
    | InterruptedReply
    | SignedOutReply
    | SigningInReply
    | WelcomeReply
    | GreetingReply
    | HelpReply
    | NotUnderstoodReply
    | ForSomebodyElseReply
    | WhoReply
    | ExplainReply
    | CantDoReply
    | CancelledReply
    | PersonalChatOnlyReply
)
