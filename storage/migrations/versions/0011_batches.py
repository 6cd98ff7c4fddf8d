"""Batches of lookups with what is still to be done of them; watches; webhooks that are due."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String, nullable=False) for name in names]


def _floats(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Float, nullable=False) for name in names]


def upgrade() -> None:
    """Make the tables."""
    _make_batches()
    _make_watches()


def _make_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.String, primary_key=True),
        *_text("tenant", "who", "note", "state"),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("places", sa.Integer, nullable=False),
        *_text("owner"),
        *_floats("until", "created"),
    )
    op.create_index("batches_state_until", "batches", ["state", "until"])
    op.create_table(
        "batch_items",
        sa.Column("batch", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        *_text("asked", "status", "detail"),
        sa.Column("tries", sa.Integer, nullable=False),
        *_floats("due"),
        sa.Column("place", sa.Integer, nullable=False),
    )
    op.create_index("batch_items_status", "batch_items", ["batch", "status", "due"])
    op.create_index("batch_items_place", "batch_items", ["batch", "place"])


def _make_watches() -> None:
    op.create_table(
        "watches",
        sa.Column("id", sa.String, primary_key=True),
        *_text("tenant", "who", "asked", "schedule", "zone", "note", "category", "webhook"),
        *_floats("created", "due", "checked", "changed"),
        *_text("error", "digest"),
        sa.Column("seen", sa.LargeBinary, nullable=False),
    )
    op.create_index("watches_due", "watches", ["due"])
    op.create_index("watches_tenant", "watches", ["tenant", "created"])
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String, primary_key=True),
        *_text("watch", "url", "body"),
        sa.Column("tries", sa.Integer, nullable=False),
        *_floats("due"),
    )
    op.create_index("webhooks_due", "webhooks", ["due"])


def downgrade() -> None:
    """Remove them."""
    for name in ("webhooks", "watches", "batch_items", "batches"):
        op.drop_table(name)
