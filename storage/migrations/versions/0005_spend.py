"""What was spent, saved and wasted; and what each summary had cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_SUMS = (
    "calls",
    "unknown",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "spent",
    "wasted",
    "spared",
    "saved",
)
_BILL = (
    ("model", sa.String),
    ("prompt_tokens", sa.BigInteger),
    ("cached_tokens", sa.BigInteger),
    ("completion_tokens", sa.BigInteger),
    ("usd", sa.Float),
)


def upgrade() -> None:
    """Make the table and the columns."""
    op.create_table(
        "spend",
        sa.Column("day", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("model", sa.String, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _SUMS),
    )
    for name, kind in _BILL:
        op.add_column("summaries", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """Remove them."""
    for name, _ in _BILL:
        op.drop_column("summaries", name)
    op.drop_table("spend")
