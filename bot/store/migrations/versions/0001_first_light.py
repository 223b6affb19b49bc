"""The first tables: intents and outcomes, spent buttons, pending commands, once-only claims, the server's key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "intents",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("at_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tid", sa.String(36), nullable=False),
        sa.Column("actor_oid", sa.String(36), nullable=False),
        sa.Column("actor_upn", sa.String(320), nullable=False),
        sa.Column("actor_name", sa.String(256), nullable=False),
        sa.Column("target_oid", sa.String(36), nullable=False),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("conversation_id", sa.String(512), nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("client_request_id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(512), nullable=False, unique=True),
    )
    op.create_index("ix_intents_target_oid", "intents", ["target_oid"])
    op.create_table(
        "outcomes",
        sa.Column("intent_id", sa.String(36), sa.ForeignKey("intents.id"), primary_key=True),
        sa.Column("at_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("after", sa.JSON),
        sa.Column("graph_request_id", sa.String(64)),
        sa.Column("error", sa.String(64)),
    )
    op.create_table(
        "spent_actions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tid", sa.String(36), nullable=False),
        sa.Column("actor_oid", sa.String(36), nullable=False),
        sa.Column("target_oid", sa.String(36), nullable=False),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("spent_at_utc", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "pending_commands",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("tid", sa.String(36), nullable=False),
        sa.Column("oid", sa.String(36), nullable=False),
        sa.Column("command", sa.JSON, nullable=False),
        sa.Column("conversation_id", sa.String(512), nullable=False),
        sa.Column("message_key", sa.String(512), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("card_activity_id", sa.String(512)),
        sa.Column("expires_at_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at_utc", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_pending_commands_expires_at_utc", "pending_commands", ["expires_at_utc"])
    op.create_table(
        "once",
        sa.Column("key", sa.String(512), primary_key=True),
        sa.Column("expires_at_utc", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_once_expires_at_utc", "once", ["expires_at_utc"])
    op.create_table(
        "server_keys",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("key", sa.LargeBinary, nullable=False),
    )
