"""Summaries that were refused stand beside the others: no replica pays for the same fault again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column; what stands there was not refused, nor what older replicas write."""
    op.add_column(
        "summaries", sa.Column("retry", sa.Float, nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    """Remove it, and the rows that would be taken for summaries without it."""
    op.execute("DELETE FROM summaries WHERE retry > 0")
    with op.batch_alter_table("summaries") as table:
        table.drop_column("retry")
