"""The language in which a waiting command was said, so that its answer comes in the same."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("commands", sa.Column("language", sa.String(8)))


def downgrade() -> None:
    op.drop_column("commands", "language")
