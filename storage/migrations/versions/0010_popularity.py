"""What is asked how often, by whom; on PostgreSQL also added up once in a while, for readers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

# Under no tenant's name stands what all of them ask together.
_POPULAR = """
CREATE MATERIALIZED VIEW popular AS
    SELECT key, tenant, source, lookup, score, since FROM popularity
    UNION ALL
    SELECT key, '', min(source), min(lookup), sum(score), min(since) FROM popularity GROUP BY key
"""


def upgrade() -> None:
    """Make the table, and the view where there are such views."""
    op.create_table(
        "popularity",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("lookup", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
    )
    op.create_index("popularity_score", "popularity", ["score"])
    op.create_index("popularity_tenant_score", "popularity", ["tenant", "score"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POPULAR)
        op.execute("CREATE UNIQUE INDEX popular_tenant_key ON popular (tenant, key)")
        op.execute("CREATE INDEX popular_tenant_score ON popular (tenant, score)")


def downgrade() -> None:
    """Remove them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP MATERIALIZED VIEW popular")
    op.drop_table("popularity")
