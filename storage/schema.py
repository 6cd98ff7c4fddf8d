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
    text,
)

from storage import bulk_schema

metadata = MetaData()
bulk_schema.declare(metadata)

entries = Table(
    "entries",
    metadata,
    Column("key", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("wire", LargeBinary, nullable=False),
    Column("stored_at", Float, nullable=False),
    Column("keep_until", Float, nullable=False),
    Column("tenant", String, nullable=False, server_default=""),
    Column("holds", String, nullable=False, server_default=""),
    Index("entries_keep_until", "keep_until"),
    Index("entries_tenant_source", "tenant", "source"),
)
"""One row for each kept entry: its encoded bytes, and what is needed to find and to expire it.

By its tags and items it is found for a withdrawal: on PostgreSQL through ``labels``, an array with
an index, on SQLite through the table ``entry_labels``.
"""

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

Beside it stands ``item_terms``, a full-text table of SQLite that has the same numbers as rowids;
on PostgreSQL the same terms stand as numbers in ``grams``, an array with an index.
"""

summaries = Table(
    "summaries",
    metadata,
    Column("digest", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),
    Column("cost", Float, nullable=False),
    Column("keep_until", Float, nullable=False),
    Column("model", String),
    Column("prompt_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("completion_tokens", BigInteger),
    Column("usd", Float),
    Column("retry", Float, nullable=False, server_default=text("0")),
    Index("summaries_keep_until", "keep_until"),
)
"""One row for each summary, by the digest of what it was made from, with what a model took for it.

Without a model nobody was paid; what else is NULL is unknown. With ``retry`` above 0 it was
refused, and what stands in for it is here.
"""

spend = Table(
    "spend",
    metadata,
    Column("day", String, primary_key=True),
    Column("tenant", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("unknown", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("wasted", BigInteger, nullable=False),
    Column("spared", BigInteger, nullable=False),
    Column("saved", BigInteger, nullable=False),
)
"""One row for each day, tenant, source and model (empty: the source's own calls), to which every
replica adds; money in billionths of a dollar.
"""

invalidations = Table(
    "invalidations",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("source", String, nullable=False),
    Column("value", String, nullable=False),
    Column("at", Float, nullable=False),
)
"""The log of what was withdrawn, in the order of its commits; ``at`` is for people alone."""

invalidation_state = Table(
    "invalidation_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("trimmed", BigInteger, nullable=False),
)
"""One row: the last position of the log, whose lock orders fills and withdrawals, and the position
up to which the log has been trimmed.
"""

replicas = Table(
    "replicas",
    metadata,
    Column("id", String, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
)
"""One row for each process that follows the log: what it has applied, and a count that grows while
it lives.
"""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=False),
    Column("tenant", String, nullable=False),
    Column("scopes", String, nullable=False),
    Column("sources", String),
    Column("rate", String, nullable=False),
    Column("note", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float),
    Column("revoked", Float),
)
"""One row for each API key: its hash, and what it may."""

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("hash", String, primary_key=True),
    Column("family", String, nullable=False),
    Column("parent", String, nullable=False),
    Column("grants", String, nullable=False),
    Column("expires", Float, nullable=False),
    Column("used", Integer, nullable=False),
    Index("refresh_tokens_family", "family"),
)
"""One row for each refresh token by its hash; those that follow from one another are a family."""

audit = Table(
    "audit",
    metadata,
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("at", Float, nullable=False),
    Column("tenant", String, nullable=False),
    Column("who", String, nullable=False),
    Column("action", String, nullable=False),
    Column("target", String, nullable=False),
)
"""Who invalidated, changed, minted and revoked what, in order."""

sessions = Table(
    "sessions",
    metadata,
    Column("session", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("text", String, primary_key=True),
    Column("keyword", String, primary_key=True),
    Column("at", Float, nullable=False),
    Index("sessions_at", "at"),
)
"""One row for each of the last lookups of a session, which is named by a hash."""

summary_inputs = Table(
    "summary_inputs",
    metadata,
    Column("digest", String, primary_key=True),
    Column("signature", String, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("keep_until", Float, nullable=False),
    Index("summary_inputs_signature", "signature"),
    Index("summary_inputs_keep_until", "keep_until"),
)
"""One row for each input of a summary that nearly the same inputs may share."""

leases = Table(
    "leases",
    metadata,
    Column("key", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("note", String, nullable=False),
    Column("until", Float, nullable=False),
)
"""One row for each key that a replica makes at this time, or has made a moment ago."""

popularity = Table(
    "popularity",
    metadata,
    Column("key", String, primary_key=True),
    Column("tenant", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("lookup", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("since", Float, nullable=False),
    Index("popularity_score", "score"),
    Index("popularity_tenant_score", "tenant", "score"),
)
"""One row for each lookup and who asks it, with how often of late."""
