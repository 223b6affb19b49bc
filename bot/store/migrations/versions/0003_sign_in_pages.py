"""Sign-in pages: what a waiting command demands of its sign-in, pages that were opened, and who has signed out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.schema import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Commands that wait at this moment wait for a silent sign-in.
    no = sa.false()
    op.add_column("commands", sa.Column("by_page", sa.Boolean, nullable=False, server_default=no))
    op.add_column("commands", sa.Column("claims", sa.Text))
    op.add_column("commands", sa.Column("fresh", sa.Boolean, nullable=False, server_default=no))
    op.add_column("commands", sa.Column("login_hint", sa.String(320), nullable=False, server_default=""))
    op.add_column("commands", sa.Column("retried", sa.Boolean, nullable=False, server_default=no))
    op.create_table(
        "sign_ins",
        sa.Column("state", sa.String(64), primary_key=True),
        sa.Column("command_id", sa.String(36), nullable=False, unique=True),
        sa.Column("tid", sa.String(36), nullable=False),
        sa.Column("oid", sa.String(36), nullable=False),
        sa.Column("flow", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("handle", sa.String(64), unique=True),
        sa.Column("until_utc", UtcDateTime, nullable=False),
    )
    op.create_index("ix_sign_ins_until_utc", "sign_ins", ["until_utc"])
    op.create_index("ix_sign_ins_person", "sign_ins", ["tid", "oid"])
    op.create_table(
        "sign_outs",
        sa.Column("tid", sa.String(36), primary_key=True),
        sa.Column("oid", sa.String(36), primary_key=True),
        sa.Column("at_utc", UtcDateTime, nullable=False),
    )
    op.create_index("ix_sign_outs_at_utc", "sign_outs", ["at_utc"])
