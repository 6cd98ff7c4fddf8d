"""The table of entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "entries",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("wire", sa.LargeBinary, nullable=False),
        sa.Column("stored_at", sa.Float, nullable=False),
        sa.Column("keep_until", sa.Float, nullable=False),
    )
    op.create_index("entries_keep_until", "entries", ["keep_until"])


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("entries")
