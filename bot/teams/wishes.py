"""A wish: a command on its way, from the activity that brought it to the answer that ends it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid4

from botbuilder.schema import Activity

from bot.change import Origin
from bot.commands import Command, Press, Refresh, command_from_json, command_to_json
from bot.errors import ActionRejected
from bot.locale import translated_languages
from bot.mfa import Person
from bot.store import PendingCommand, SignInDemand
from bot.teams.people import sender_of
from cards.parts import REFRESH_VERB, SET_VERB, UNDO_VERB

__all__ = ["Wish", "origin_of"]

_MAX_ID = 512
_MAX_KEY = 480
"""Leaves room for what is added to it: see ``Origin.key``."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A command on its way: whose, from where, and what it has been through."""

    person: Person
    command: Command
    origin: Origin
    """With how often a sign-in for it was asked for."""
    demand: SignInDemand = field(default_factory=SignInDemand)
    """What the last of these sign-ins had to be like."""
    card_activity_id: str | None = None
    """The card that the answer replaces; None for an answer of its own."""
    language: str | None = None
    """ISO 639-1, the language to answer in; None for the client's."""
    said_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was said or pressed, also if it goes on after a sign-in."""
    taken_at_s: float = field(default_factory=time.monotonic)
    """When this instance began to work on it."""

    @property
    def resumed(self) -> bool:
        """True when it goes on after a sign-in."""
        return self.origin.attempt > 0

    def again(self) -> Wish:
        """The same wish as it goes on after one more sign-in."""
        return replace(self, origin=self.origin.at(self.origin.attempt + 1))

    @classmethod
    def pressed(cls, activity: Activity) -> Wish:
        """The wish of whoever pressed a button.

        Raises:
            ActionRejected: not one of our buttons.
            SenderUnknown: see ``sender_of``.
        """
        command = _pressed(activity.value)
        person, origin = sender_of(activity), origin_of(activity)
        if isinstance(command, Press):
            # However often somebody presses it, it is one wish of theirs.
            origin = replace(origin, wish_key=f"press:{person.oid}:{command.action_id}"[:_MAX_KEY])
        return cls(person, command, origin, card_activity_id=_card_id(activity), language=_language(activity.value))

    @classmethod
    def stored(cls, pending: PendingCommand, person: Person) -> Wish:
        """The wish that was kept as ``pending``."""
        return cls(
            person,
            command_from_json(pending.command),
            Origin(pending.message_key, pending.conversation_id, attempt=pending.attempts),
            pending.demand,
            pending.card_activity_id,
            pending.language,
            pending.said_at_utc or datetime.now(UTC),
        )

    def to_store(self) -> PendingCommand:
        """The form in which it is kept, under a new id."""
        return PendingCommand(
            id=str(uuid4()),
            tid=self.person.tid,
            oid=self.person.oid,
            command=command_to_json(self.command),
            conversation_id=self.origin.conversation_id,
            message_key=self.origin.wish_key,
            attempts=self.origin.attempt,
            card_activity_id=self.card_activity_id,
            language=self.language,
            demand=self.demand,
            said_at_utc=self.said_at,
        )


def origin_of(activity: Activity) -> Origin:
    """Which message or button it was, and where."""
    conversation_id = str(activity.conversation.id)
    return Origin(f"message:{activity.id or uuid4()}:{conversation_id}"[:_MAX_KEY], conversation_id[:_MAX_ID])


def _card_id(activity: Activity) -> str | None:
    """The message whose card was pressed, unless the id is longer than any of Teams'."""
    card_id = activity.reply_to_id
    return str(card_id) if card_id and len(card_id) <= _MAX_ID else None


def _verb_and_data(value: object) -> tuple[object, dict[str, object]]:
    action = value.get("action") if isinstance(value, dict) else None
    verb, data = (action.get("verb"), action.get("data")) if isinstance(action, dict) else (None, None)
    return verb, data if isinstance(data, dict) else {}


def _language(value: object) -> str | None:
    """The language of the card that was pressed, as the button says it; None for one in which there are no texts."""
    language = _verb_and_data(value)[1].get("lang")
    return language if isinstance(language, str) and language in translated_languages() else None


def _pressed(value: object) -> Command:
    """The command of a button. Its data come back from a client, so only our own id in them counts.

    Raises:
        ActionRejected: not one of our buttons.
    """
    verb, data = _verb_and_data(value)
    if verb == REFRESH_VERB:
        return Refresh()
    action_id = data.get("action")
    if verb in {SET_VERB, UNDO_VERB} and isinstance(action_id, str):
        return Press(action_id)
    raise ActionRejected("unknown verb or no id")
