"""What the store keeps, as frozen dataclasses. No phone number and no token has a place in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.mfa import DefaultMethod, Oid, Person, TenantId

__all__ = [
    "Change",
    "ConversationAddress",
    "FlatState",
    "Head",
    "Intent",
    "Limits",
    "Outcome",
    "OutcomeKind",
    "Past",
    "PendingCommand",
    "SignInDemand",
    "WaitingCode",
]

FlatState = Mapping[str, str | bool | None]
"""The nine flat keys of ``bot.mfa.flat_keys``."""


class OutcomeKind(StrEnum):
    """How a change ended."""

    CONFIRMED = "confirmed"
    """Graph took it, and a re-read agreed."""
    ACCEPTED = "accepted"
    """Graph took it; a re-read has not caught up yet."""
    REFUSED = "refused"
    """Graph refused it, or was never asked; nothing was changed."""
    UNKNOWN = "unknown"
    """No answer tells whether it took."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Somebody is about to change a default method. Stored before Graph is asked."""

    id: str
    actor: Person
    target: Person
    method: DefaultMethod
    conversation_id: str
    before: FlatState
    client_request_id: str
    key: str
    """What makes this change unique: the card whose button was pressed, or the message that asked for it."""
    by_button: bool = False
    undoes: str | None = None
    """Id of the intent that this one puts back."""
    reason: str | None = None
    """Why, or a ticket's number, where an agent gave one."""
    follows: str | None = None
    """``Past.newest_intent_id`` of before the state was read: the intent is refused if another came since. None is not
    checked."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an intent ended; a row of its own."""

    intent: Intent
    kind: OutcomeKind
    after: FlatState | None = None
    graph_request_id: str | None = None
    error: str | None = None
    """Name of the error class, when there was one."""


@dataclass(frozen=True, slots=True)
class Change:
    """An intent as stored, with its outcome once there is one."""

    intent_id: str
    method: DefaultMethod
    before: FlatState
    at_utc: datetime
    actor: Person
    undoes: str | None = None
    outcome: OutcomeKind | None = None
    error: str | None = None

    @property
    def before_name(self) -> str | None:
        """The default before it, as Graph spelled it; None when there was none."""
        name = self.before.get("userpreferredmethodforsecondaryauthentication")
        return str(name) if name else None


@dataclass(frozen=True, slots=True)
class Past:
    """What is on record about one person's default at a moment."""

    newest_intent_id: str = ""
    """Empty when nothing was ever begun."""
    last: Change | None = None
    """The last change that Graph has not refused."""
    under_way: bool = False
    """True while somebody is carrying out a change."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many changes may be begun within an hour."""

    self_per_hour: int = 10
    """By a person, of their own default."""
    agent_per_hour: int = 60
    """By an agent, of other people's."""
    target_per_hour: int = 3
    """Of one person's default by agents, whoever they are."""


@dataclass(frozen=True, slots=True)
class SignInDemand:
    """What the sign-in must be like that a command waits for."""

    by_page: bool = False
    """True when only the sign-in page helps: what Teams gives silently was not enough."""
    claims: str | None = None
    """Microsoft's claims challenge as a JSON string."""
    fresh: bool = False
    """True when the person shall prove anew who they are, though no challenge asks for it."""
    login_hint: str = ""
    """The person's UPN, where it is known."""
    retried: bool = False
    """True when Teams' token had expired, so that it was asked for another one; with ``by_page`` when the person has
    been told that Teams reports a failure."""


@dataclass(frozen=True, slots=True)
class PendingCommand:
    """A command that is not finished: it waits for its person's sign-in, or is being worked on."""

    id: str
    """Exchange id of the sign-in card, where it waits for one."""
    tid: TenantId
    oid: Oid
    command: Mapping[str, object]
    """By ``bot.commands.command_to_json``."""
    conversation_id: str
    message_key: str
    """The message or button that asked, for the audit trail."""
    attempts: int = 0
    """How often a sign-in for the same wish was asked for before."""
    card_activity_id: str | None = None
    """The card that the answer replaces, when a button asked."""
    language: str | None = None
    """ISO 639-1, the language to answer in; None for the client's."""
    demand: SignInDemand = field(default_factory=SignInDemand)
    said_at_utc: datetime | None = field(default=None, compare=False)
    """When the person said it; None for just now."""


@dataclass(frozen=True, slots=True)
class WaitingCode:
    """An authorization code that has come back from the sign-in page and waits to be redeemed for its person."""

    state: str
    command_id: str
    flow: Mapping[str, object] = field(repr=False)
    """What MSAL has to know again: the PKCE verifier, the nonce, and the rest of what the page was opened with."""
    code: str = field(repr=False)
    until_utc: datetime


@dataclass(frozen=True, slots=True)
class ConversationAddress:
    """Where a person's chat with the bot is, so that the bot can write first."""

    tid: TenantId
    oid: Oid
    conversation_id: str
    service_url: str
    user_id: str
    bot_id: str
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of a tenant's audit trail."""

    tid: TenantId
    seq: int
    hash: str
