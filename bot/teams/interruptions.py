"""Telling people that the bot was stopped while it was at work on what they wanted."""

from __future__ import annotations

from functools import partial

from bot.change import Origin
from bot.commands import Press, SetDefault, command_from_json
from bot.replies import InterruptedReply
from bot.store import Change, OutcomeKind, PendingCommand, Store
from bot.teams.adapter import TeamsAdapter
from bot.teams.answers import Answers
from bot.teams.people import reference_to
from bot.telemetry import get_logger

__all__ = ["Interruptions"]

_log = get_logger(__name__)


class Interruptions:
    """What the records say of a command whose instance has died."""

    def __init__(self, adapter: TeamsAdapter, answers: Answers, store: Store) -> None:
        self._adapter = adapter
        self._answers = answers
        self._store = store

    async def tell(self, pending: PendingCommand) -> None:
        """Tell its person, in the chat or on the card that promised a result.

        Raises:
            StoreUnavailable: the records can't be read.
        """
        address = await self._store.conversations.find(pending.tid, pending.oid)
        if address is None or address.conversation_id != pending.conversation_id:
            _log.warning("nobody can be told of an interruption", conversation=pending.conversation_id)
            return
        command = command_from_json(pending.command)
        change = await self._begun_by(pending)
        taken = change is not None and change.outcome in {OutcomeKind.CONFIRMED, OutcomeKind.ACCEPTED}
        reply = InterruptedReply(
            method=change.method if change else command.method if isinstance(command, SetDefault) else None,
            changed=taken,
            maybe_changed=isinstance(command, Press) or (change is not None and not taken),
        )
        answer = partial(
            self._answers.replace_card,
            card_activity_id=pending.card_activity_id,
            reply=reply,
            language=pending.language,
        )
        await self._adapter.resume(reference_to(address), answer)

    async def _begun_by(self, pending: PendingCommand) -> Change | None:
        """The change that the command has begun, if Graph has not refused it."""
        origin = Origin(pending.message_key, "")
        for attempt in range(pending.attempts, -1, -1):
            change = await self._store.audit.find_change(origin.at(attempt).key)
            if change is not None and change.outcome is not OutcomeKind.REFUSED:
                return change
        return None
