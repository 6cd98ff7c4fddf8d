"""What sessions looked up last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "sessions",
        sa.Column("session", sa.String, primary_key=True),
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("text", sa.String, primary_key=True),
        sa.Column("keyword", sa.String, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("sessions_at", "sessions", ["at"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("sessions")
