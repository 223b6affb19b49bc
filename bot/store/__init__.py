"""The database: the audit trail, commands that are not finished, where people's chats are, the key of the buttons."""

from bot.store.action_ids import ActionIds, MintedAction, MintedCard
from bot.store.audit import RESUMED, UNDER_WAY, AuditTrail
from bot.store.chain import ChainReport
from bot.store.conversations import Conversations
from bot.store.inbox import Inbox, Waiting
from bot.store.records import (
    Change,
    ConversationAddress,
    Head,
    Intent,
    Limits,
    Outcome,
    OutcomeKind,
    Past,
    PendingCommand,
    SignInDemand,
    WaitingCode,
)
from bot.store.sign_ins import SignIns
from bot.store.sign_outs import SignOuts
from bot.store.store import Store

__all__ = [
    "RESUMED",
    "UNDER_WAY",
    "ActionIds",
    "AuditTrail",
    "ChainReport",
    "Change",
    "ConversationAddress",
    "Conversations",
    "Head",
    "Inbox",
    "Intent",
    "Limits",
    "MintedAction",
    "MintedCard",
    "Outcome",
    "OutcomeKind",
    "Past",
    "PendingCommand",
    "SignInDemand",
    "SignIns",
    "SignOuts",
    "Store",
    "Waiting",
    "WaitingCode",
]
