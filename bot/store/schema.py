"""The tables. A change here needs a new Alembic revision in ``migrations/versions``."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

__all__ = [
    "UtcDateTime",
    "audit",
    "commands",
    "conversations",
    "metadata",
    "server_keys",
    "sign_ins",
    "sign_outs",
    "write_probe",
]

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond, aware of its zone also where the database keeps none (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """As UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """As UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_JSON = JSON(none_as_null=True)

audit = Table(
    "audit",
    metadata,
    # Rows of a tenant are numbered without gaps; each carries the hash of the one before (see chain.py).
    Column("tid", String(36), primary_key=True),
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("at_utc", UtcDateTime, nullable=False),
    Column("intent_id", String(36)),
    Column("key", String(512), unique=True),
    Column("actor_oid", String(36)),
    Column("actor_upn", String(320)),
    Column("actor_name", String(256)),
    Column("target_oid", String(36)),
    Column("target_upn", String(320)),
    Column("target_name", String(256)),
    Column("command", _JSON),
    Column("conversation_id", String(512)),
    Column("before", _JSON),
    Column("after", _JSON),
    Column("outcome", String(16)),
    Column("error", String(64)),
    Column("client_request_id", String(36)),
    Column("graph_request_id", String(128)),
    Column("reason", String(1024)),
    Column("pruned_through", BigInteger().with_variant(Integer, "sqlite")),
    Column("pruned_hash", String(64)),
    Column("pruned_until_utc", UtcDateTime),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("intent_id", "kind"),
    Index("ix_audit_target", "tid", "target_oid", "seq"),
    Index("ix_audit_actor", "tid", "actor_oid", "at_utc"),
)

commands = Table(
    "commands",
    metadata,
    Column("id", String(36), primary_key=True),
    # The message or button that asked: it is carried out once, however often it is delivered.
    Column("message_key", String(512), nullable=False, unique=True),
    Column("tid", String(36), nullable=False),
    Column("oid", String(36), nullable=False),
    Column("command", _JSON, nullable=False),
    Column("conversation_id", String(512), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("card_activity_id", String(512)),
    Column("language", String(8)),
    Column("state", String(16), nullable=False),
    # What the sign-in must be like that it waits for: see SignInDemand.
    Column("by_page", Boolean, nullable=False, default=False),
    Column("claims", Text),
    Column("fresh", Boolean, nullable=False, default=False),
    Column("login_hint", String(320), nullable=False, default=""),
    Column("retried", Boolean, nullable=False, default=False),
    # Whose claim it was that took it, so that a claim whose answer was lost can be made again.
    Column("claim", String(36)),
    Column("said_at_utc", UtcDateTime, nullable=False),
    # What that means depends on the state: no sign-in came, whoever works on it has died, to be forgotten.
    Column("until_utc", UtcDateTime, nullable=False, index=True),
    Index("ix_commands_person", "tid", "oid"),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    # A sign-in page that was opened: ``state`` comes back to us with the authorization code.
    Column("state", String(64), primary_key=True),
    Column("command_id", String(36), nullable=False, unique=True),
    Column("tid", String(36), nullable=False),
    Column("oid", String(36), nullable=False),
    Column("flow", _JSON, nullable=False),
    # Worth nothing without the bot's own credential.
    Column("code", Text),
    # What the page hands to Teams, and Teams to us.
    Column("handle", String(64), unique=True),
    Column("until_utc", UtcDateTime, nullable=False, index=True),
    Index("ix_sign_ins_person", "tid", "oid"),
)

sign_outs = Table(
    "sign_outs",
    metadata,
    # So that every instance forgets the person's tokens.
    Column("tid", String(36), primary_key=True),
    Column("oid", String(36), primary_key=True),
    Column("at_utc", UtcDateTime, nullable=False, index=True),
)

conversations = Table(
    "conversations",
    metadata,
    # Where a person can be written to.
    Column("tid", String(36), primary_key=True),
    Column("oid", String(36), primary_key=True),
    Column("conversation_id", String(512), nullable=False),
    Column("service_url", String(1024), nullable=False),
    Column("user_id", String(512), nullable=False),
    Column("bot_id", String(512), nullable=False),
    Column("locale", String(64)),
    Column("seen_at_utc", UtcDateTime, nullable=False, index=True),
)

server_keys = Table(
    "server_keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("key", LargeBinary, nullable=False),
)

write_probe = Table(
    "write_probe",
    metadata,
    # Never holds a row for longer than a transaction: see Database.ping.
    Column("id", String(36), primary_key=True),
    Column("filler", Text, nullable=False),
)
