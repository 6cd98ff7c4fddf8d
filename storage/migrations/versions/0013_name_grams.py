"""Names in PostgreSQL: terms as numbers, and indexes in the order of names that tell their texts.

SQLite's index of names stays what it is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

_LONGEST_WALKED = 200 << 40
"""Rows of longer names would be too long for an index."""
_BEGINNINGS = (("items_first", 1), ("items_second", 2))
_NUMBERS = """
CREATE FUNCTION pg_temp.numbers(terms text[]) RETURNS int[] LANGUAGE sql IMMUTABLE
AS 'SELECT ARRAY(SELECT hashtext(term) FROM unnest(terms) AS term)'
"""
_CONVERT = """
ALTER TABLE items
    ALTER COLUMN grams TYPE int[] USING pg_temp.numbers(terms),
    ALTER COLUMN terms TYPE text[] USING '{}'::text[]
"""
# While replicas are replaced one by one, those of the version before still write texts.
_TAKE_TEXTS = """
CREATE FUNCTION items_take_texts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.grams := ARRAY(SELECT pg_catalog.hashtext(term) FROM unnest(NEW.terms) AS term);
    RETURN NEW;
END
$$
"""
_NEW = """
CREATE TRIGGER items_new_texts BEFORE INSERT ON items FOR EACH ROW
WHEN (NEW.terms <> '{}') EXECUTE FUNCTION items_take_texts()
"""
_CHANGED = """
CREATE TRIGGER items_changed_texts BEFORE UPDATE ON items FOR EACH ROW
WHEN (NEW.terms <> OLD.terms) EXECUTE FUNCTION items_take_texts()
"""


def upgrade() -> None:
    """Make numbers of the terms, in a third of their room, and the indexes."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_index("items_terms", "items")
    op.drop_index("items_source_number", "items")
    numbers = postgresql.ARRAY(sa.Integer)
    op.add_column("items", sa.Column("grams", numbers, nullable=False, server_default="{}"))
    for statement in (_NUMBERS, _CONVERT, "DROP FUNCTION pg_temp.numbers"):
        op.execute(statement)
    for statement in (_TAKE_TEXTS, _NEW, _CHANGED):
        op.execute(statement)
    _index("items_grams", "grams")
    op.create_index(
        "items_shortest",
        "items",
        ["source", "number"],
        postgresql_include=["folded"],
        postgresql_where=sa.text(f"number < {_LONGEST_WALKED}"),
    )
    for name, size in _BEGINNINGS:
        beginning = sa.text(f'"left"(folded, {size})')
        op.create_index(name, "items", ["source", beginning, "number"])
    op.execute("ANALYZE items")


def downgrade() -> None:
    """Forget the names, which come back with the next answers; one that is known would not."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DELETE FROM items")
    for name in ("items_first", "items_second", "items_shortest", "items_grams"):
        op.drop_index(name, "items")
    op.execute("DROP FUNCTION items_take_texts CASCADE")
    op.drop_column("items", "grams")
    _index("items_terms", "terms")
    op.create_index("items_source_number", "items", ["source", "number"])


def _index(name: str, column: str) -> None:
    # No list of what is not in the index yet: every search would read all of it.
    at_once = {"fastupdate": "off"}
    op.create_index(name, "items", [column], postgresql_using="gin", postgresql_with=at_once)
