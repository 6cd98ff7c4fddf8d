"""The tables of the database, as they stand after the newest migration."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, LargeBinary, MetaData, String, Table

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
