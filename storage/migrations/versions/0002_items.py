"""The names of records, and the index that finds them by their parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table and the index."""
    op.create_table(
        "items",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("folded", sa.String, nullable=False),
    )
    op.create_index("items_source_id", "items", ["source", "id"], unique=True)
    if op.get_bind().dialect.name == "postgresql":
        return  # it has an index of arrays instead (0004)
    # ascii: every character beyond ASCII belongs to a word, whatever SQLite's tables of Unicode
    # know of it. No positions, no sizes, no copy of the text: the items have it.
    op.execute(
        "CREATE VIRTUAL TABLE item_terms USING fts5"
        "(terms, content='', tokenize='ascii', detail='none', columnsize=0)"
    )
    # Two parts of equal size are enough to be merged.
    op.execute("INSERT INTO item_terms (item_terms, rank) VALUES ('usermerge', 2)")


def downgrade() -> None:
    """Remove both."""
    if op.get_bind().dialect.name != "postgresql":
        op.execute("DROP TABLE item_terms")
    op.drop_table("items")
