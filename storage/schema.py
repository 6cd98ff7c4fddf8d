"""The tables of the database, as they stand after the newest migration."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("key", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("wire", LargeBinary, nullable=False),
    Column("stored_at", Float, nullable=False),
    Column("keep_until", Float, nullable=False),
    Index("entries_keep_until", "keep_until"),
)
"""One row for each kept entry: its encoded bytes, and what is needed to find and to expire it."""

items = Table(
    "items",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("source", String, nullable=False),
    Column("id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("folded", String, nullable=False),
    Index("items_source_id", "source", "id", unique=True),
)
"""One row for each record that a source has given, by its id, with its name as it is searched.

Beside it stands ``item_terms``, a full-text table of SQLite that has the same numbers as rowids.
"""

summaries = Table(
    "summaries",
    metadata,
    Column("digest", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),
    Column("cost", Float, nullable=False),
    Column("keep_until", Float, nullable=False),
    Index("summaries_keep_until", "keep_until"),
)
"""One row for each summary, by the digest of what it was made from."""
