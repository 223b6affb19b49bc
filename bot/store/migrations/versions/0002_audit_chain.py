"""One chained audit trail instead of intents and outcomes; commands at work; where people's chats are.

What was on record is kept: intents and outcomes become the first rows of each tenant's chain, in the order of their
time. Commands that wait for a sign-in go on waiting. Spent buttons and redelivered messages need no tables of their
own any more, since the intent's key tells both.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

from bot.store.chain import GENESIS, row_hash
from bot.store.schema import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    audit = _create_audit()
    _copy_changes(audit)
    commands = _create_commands()
    _copy_pending(commands)
    op.create_table(
        "conversations",
        sa.Column("tid", sa.String(36), primary_key=True),
        sa.Column("oid", sa.String(36), primary_key=True),
        sa.Column("conversation_id", sa.String(512), nullable=False),
        sa.Column("service_url", sa.String(1024), nullable=False),
        sa.Column("user_id", sa.String(512), nullable=False),
        sa.Column("bot_id", sa.String(512), nullable=False),
        sa.Column("locale", sa.String(64)),
        sa.Column("seen_at_utc", UtcDateTime, nullable=False),
    )
    op.create_index("ix_conversations_seen_at_utc", "conversations", ["seen_at_utc"])
    op.create_table(
        "write_probe",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("filler", sa.Text, nullable=False),
    )
    for table in ("outcomes", "intents", "spent_actions", "pending_commands", "once"):
        op.drop_table(table)


def _create_audit() -> sa.Table:
    table = op.create_table(
        "audit",
        sa.Column("tid", sa.String(36), primary_key=True),
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at_utc", UtcDateTime, nullable=False),
        sa.Column("intent_id", sa.String(36)),
        sa.Column("key", sa.String(512), unique=True),
        sa.Column("actor_oid", sa.String(36)),
        sa.Column("actor_upn", sa.String(320)),
        sa.Column("actor_name", sa.String(256)),
        sa.Column("target_oid", sa.String(36)),
        sa.Column("target_upn", sa.String(320)),
        sa.Column("target_name", sa.String(256)),
        sa.Column("command", _JSON),
        sa.Column("conversation_id", sa.String(512)),
        sa.Column("before", _JSON),
        sa.Column("after", _JSON),
        sa.Column("outcome", sa.String(16)),
        sa.Column("error", sa.String(64)),
        sa.Column("client_request_id", sa.String(36)),
        sa.Column("graph_request_id", sa.String(128)),
        sa.Column("reason", sa.String(1024)),
        sa.Column("pruned_through", _NUMBER),
        sa.Column("pruned_hash", sa.String(64)),
        sa.Column("pruned_until_utc", UtcDateTime),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("intent_id", "kind"),
    )
    op.create_index("ix_audit_target", "audit", ["tid", "target_oid", "seq"])
    op.create_index("ix_audit_actor", "audit", ["tid", "actor_oid", "at_utc"])
    return table


def _create_commands() -> sa.Table:
    table = op.create_table(
        "commands",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("message_key", sa.String(512), nullable=False, unique=True),
        sa.Column("tid", sa.String(36), nullable=False),
        sa.Column("oid", sa.String(36), nullable=False),
        sa.Column("command", _JSON, nullable=False),
        sa.Column("conversation_id", sa.String(512), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("card_activity_id", sa.String(512)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("claim", sa.String(36)),
        sa.Column("said_at_utc", UtcDateTime, nullable=False),
        sa.Column("until_utc", UtcDateTime, nullable=False),
    )
    op.create_index("ix_commands_until_utc", "commands", ["until_utc"])
    op.create_index("ix_commands_person", "commands", ["tid", "oid"])
    return table


def _copy_changes(audit: sa.Table) -> None:
    connection = op.get_bind()
    intents = sa.table("intents", *_columns("id tid actor_oid actor_upn actor_name target_oid method conversation_id"),
                       *_columns("client_request_id key"), *_typed(before=sa.JSON, at_utc=UtcDateTime))  # fmt: skip
    outcomes = sa.table("outcomes", *_columns("intent_id kind graph_request_id error"),
                        *_typed(after=sa.JSON, at_utc=UtcDateTime))  # fmt: skip
    tenants = {}
    rows = []
    for intent in connection.execute(sa.select(intents)).mappings():
        tenants[intent["id"]] = intent
        rows.append((intent["at_utc"], 0, intent["tid"], _intent_row(intent)))
    for outcome in connection.execute(sa.select(outcomes)).mappings():
        intent = tenants[outcome["intent_id"]]
        # An outcome comes behind its intent, also if a clock was set back in between.
        at = max(outcome["at_utc"], intent["at_utc"])
        rows.append((at, 1, intent["tid"], _outcome_row(outcome, intent["client_request_id"])))
    heads: defaultdict[str, tuple[int, str]] = defaultdict(lambda: (0, GENESIS))
    for _at, _order, tid, row in sorted(rows, key=lambda entry: entry[:3]):
        seq, previous_hash = heads[tid]
        linked = {**row, "tid": tid, "seq": seq + 1, "previous_hash": previous_hash}
        heads[tid] = (seq + 1, row_hash(linked))
        connection.execute(sa.insert(audit), {**linked, "hash": heads[tid][1]})


def _intent_row(intent: sa.RowMapping) -> dict[str, Any]:
    return {
        "kind": "intent",
        "at_utc": intent["at_utc"],
        "intent_id": intent["id"],
        "key": intent["key"],
        "actor_oid": intent["actor_oid"],
        "actor_upn": intent["actor_upn"],
        "actor_name": intent["actor_name"],
        # Nobody could act for anybody else in the first version.
        "target_oid": intent["target_oid"],
        "target_upn": intent["actor_upn"],
        "target_name": intent["actor_name"],
        "command": {"kind": "set", "method": intent["method"]},
        "conversation_id": intent["conversation_id"],
        "before": intent["before"],
        "client_request_id": intent["client_request_id"],
    }


def _outcome_row(outcome: sa.RowMapping, client_request_id: str) -> dict[str, Any]:
    return {
        "kind": "outcome",
        "at_utc": outcome["at_utc"],
        "intent_id": outcome["intent_id"],
        "after": outcome["after"],
        "outcome": outcome["kind"],
        "error": outcome["error"],
        "client_request_id": client_request_id,
        "graph_request_id": outcome["graph_request_id"],
    }


def _copy_pending(commands: sa.Table) -> None:
    connection = op.get_bind()
    pending = sa.table("pending_commands", *_columns("id tid oid conversation_id message_key card_activity_id"),
                       *_typed(command=sa.JSON, attempts=sa.Integer, expires_at_utc=UtcDateTime,
                               claimed_at_utc=UtcDateTime))  # fmt: skip
    waiting = sa.select(pending).where(pending.c.claimed_at_utc.is_(None)).order_by(pending.c.expires_at_utc)
    seen = set()
    for row in connection.execute(waiting).mappings():
        if row["message_key"] in seen:
            continue
        seen.add(row["message_key"])
        kept = {name: row[name] for name in row if name not in {"expires_at_utc", "claimed_at_utc"}}
        until = {"said_at_utc": row["expires_at_utc"], "until_utc": row["expires_at_utc"]}
        connection.execute(sa.insert(commands), {**kept, **until, "state": "waiting"})


def _columns(names: str) -> list[sa.ColumnClause[str]]:
    return [sa.column(name, sa.String) for name in names.split()]


def _typed(**types: Any) -> list[sa.ColumnClause[Any]]:
    return [sa.column(name, kind) for name, kind in types.items()]
