"""The tables. A change here needs a new Alembic revision in ``migrations/versions``."""

from __future__ import annotations

from sqlalchemy import JSON, Column, DateTime, ForeignKey, Integer, LargeBinary, MetaData, String, Table

__all__ = ["intents", "metadata", "once", "outcomes", "pending_commands", "server_keys", "spent_actions"]

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

intents = Table(
    "intents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at_utc", DateTime(timezone=True), nullable=False),
    Column("tid", String(36), nullable=False),
    Column("actor_oid", String(36), nullable=False),
    Column("actor_upn", String(320), nullable=False),
    Column("actor_name", String(256), nullable=False),
    Column("target_oid", String(36), nullable=False, index=True),
    Column("method", String(32), nullable=False),
    Column("conversation_id", String(512), nullable=False),
    Column("before", JSON, nullable=False),
    Column("client_request_id", String(36), nullable=False),
    Column("key", String(512), nullable=False, unique=True),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("intent_id", ForeignKey("intents.id"), primary_key=True),
    Column("at_utc", DateTime(timezone=True), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("after", JSON),
    Column("graph_request_id", String(64)),
    Column("error", String(64)),
)

spent_actions = Table(
    "spent_actions",
    metadata,
    # The card's id: whoever inserts it first may act; pressing twice finds it spent.
    Column("id", String(32), primary_key=True),
    Column("tid", String(36), nullable=False),
    Column("actor_oid", String(36), nullable=False),
    Column("target_oid", String(36), nullable=False),
    Column("method", String(32), nullable=False),
    Column("spent_at_utc", DateTime(timezone=True), nullable=False),
)

pending_commands = Table(
    "pending_commands",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tid", String(36), nullable=False),
    Column("oid", String(36), nullable=False),
    Column("command", JSON, nullable=False),
    Column("conversation_id", String(512), nullable=False),
    Column("message_key", String(512), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("card_activity_id", String(512)),
    Column("expires_at_utc", DateTime(timezone=True), nullable=False, index=True),
    Column("claimed_at_utc", DateTime(timezone=True)),
)

once = Table(
    "once",
    metadata,
    # Something that must happen once although it may be asked for several times, by any instance.
    Column("key", String(512), primary_key=True),
    Column("expires_at_utc", DateTime(timezone=True), nullable=False, index=True),
)

server_keys = Table(
    "server_keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("key", LargeBinary, nullable=False),
)
