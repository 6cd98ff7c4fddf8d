"""Batches whose summaries a provider writes: how long their callers wait, and what was sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column(
        "batches", sa.Column("patience", sa.Float, nullable=False, server_default=sa.text("0"))
    )
    op.create_table(
        "provider_batches",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("batch", sa.String, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("items", sa.Integer, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_index("provider_batches_batch", "provider_batches", ["batch", "part"])


def downgrade() -> None:
    """Remove both."""
    op.drop_table("provider_batches")
    with op.batch_alter_table("batches") as table:
        table.drop_column("patience")
