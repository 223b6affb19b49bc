"""The database: records of what was asked and what came of it, spent buttons, commands that wait for a sign-in."""

from bot.store.action_ids import ActionIds, MintedAction
from bot.store.records import Change, Intent, Outcome, OutcomeKind, PendingCommand
from bot.store.store import Store

__all__ = [
    "ActionIds",
    "Change",
    "Intent",
    "MintedAction",
    "Outcome",
    "OutcomeKind",
    "PendingCommand",
    "Store",
]
