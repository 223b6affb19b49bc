"""What the store keeps, as frozen dataclasses. No phone number and no token has a place in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.mfa import DefaultMethod, Oid, Person, TenantId

__all__ = ["Change", "FlatState", "Intent", "Outcome", "OutcomeKind", "PendingCommand"]

FlatState = Mapping[str, str | bool | None]
"""The nine flat keys of ``bot.mfa.flat_keys``."""


class OutcomeKind(StrEnum):
    """How a change ended."""

    CONFIRMED = "confirmed"
    """Graph took it, and a re-read agreed."""
    ACCEPTED = "accepted"
    """Graph took it; a re-read has not caught up yet."""
    REFUSED = "refused"
    """Graph refused it; nothing was changed."""
    UNKNOWN = "unknown"
    """No answer tells whether it took."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Somebody is about to change a default method. Stored before Graph is asked."""

    id: str
    actor: Person
    target_oid: Oid
    method: DefaultMethod
    conversation_id: str
    before: FlatState
    client_request_id: str
    key: str
    """What makes this change unique: the spent button, or the message that asked for it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an intent ended; a row of its own."""

    intent_id: str
    kind: OutcomeKind
    after: FlatState | None = None
    graph_request_id: str | None = None
    error: str | None = None
    """Name of the error class, when there was one."""


@dataclass(frozen=True, slots=True)
class Change:
    """An intent as stored, with its outcome once there is one."""

    method: DefaultMethod
    before: FlatState
    at_utc: datetime
    outcome: OutcomeKind | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PendingCommand:
    """A command that waits for its person's sign-in. ``id`` is the exchange id of the sign-in card."""

    id: str
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
