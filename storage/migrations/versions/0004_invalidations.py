"""The log of invalidations, who follows it, and what entries are withdrawn by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables, and give entries what withdrawals look for."""
    _make_log()
    # What was kept until now does not say what it holds, so that no withdrawal would find it.
    op.execute("DELETE FROM entries")
    op.add_column("entries", sa.Column("tenant", sa.String, nullable=False, server_default=""))
    op.add_column("entries", sa.Column("holds", sa.String, nullable=False, server_default=""))
    op.create_index("entries_tenant_source", "entries", ["tenant", "source"])
    _make_labels()


def _make_log() -> None:
    op.create_table(
        "invalidations",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("scope", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "invalidation_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("trimmed", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO invalidation_state (id, position, trimmed) VALUES (1, 0, 0)")
    op.create_table(
        "replicas",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )
    _label_entries()


def _label_entries() -> None:
    """Say what each entry holds, as each database finds it by an index."""


def _make_labels() -> None:
    if op.get_bind().dialect.name == "postgresql":
        labels = postgresql.ARRAY(sa.Text)
        op.add_column("entries", sa.Column("labels", labels, nullable=False, server_default="{}"))
        op.create_index("entries_labels", "entries", ["labels"], postgresql_using="gin")
        op.add_column("items", sa.Column("terms", labels, nullable=False, server_default="{}"))
        # No list of what is not in the index yet: every search would read all of it.
        at_once = {"fastupdate": "off"}
        op.create_index(
            "items_terms", "items", ["terms"], postgresql_using="gin", postgresql_with=at_once
        )
        op.create_index("items_source_number", "items", ["source", "number"])
    else:
        op.execute(
            "CREATE TABLE entry_labels "
            "(label TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (label, key)) WITHOUT ROWID"
        )
        op.execute("CREATE INDEX entry_labels_key ON entry_labels (key)")
        op.execute(
            "CREATE TRIGGER entries_deleted AFTER DELETE ON entries "
            "BEGIN DELETE FROM entry_labels WHERE key = old.key; END"
        )


def downgrade() -> None:
    """Remove all of it."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("items_source_number", "items")
        op.drop_column("items", "terms")
        op.drop_column("entries", "labels")
    else:
        op.execute("DROP TRIGGER entries_deleted")
        op.execute("DROP TABLE entry_labels")
    op.drop_index("entries_tenant_source", "entries")
    op.drop_column("entries", "holds")
    op.drop_column("entries", "tenant")
    for table in ("replicas", "invalidation_state", "invalidations"):
        op.drop_table(table)
