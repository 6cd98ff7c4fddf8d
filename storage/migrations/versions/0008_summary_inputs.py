"""What summaries were made from, as vectors, so that nearly the same input shares one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "summary_inputs",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("signature", sa.String, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("keep_until", sa.Float, nullable=False),
    )
    op.create_index("summary_inputs_signature", "summary_inputs", ["signature"])
    op.create_index("summary_inputs_keep_until", "summary_inputs", ["keep_until"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("summary_inputs")
