"""The tables of batches and watches, as they stand after the newest migration."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table


def declare(metadata: MetaData) -> None:
    """Add them to *metadata*.

    A batch has one row, which says whose it is and which process works on it until when; each of
    its lookups has one, and those that are done have a place in order. A watch has one, with the
    records that it has seen last, and a webhook for as long as it is still to be called.
    """
    _declare_batches(metadata)
    _declare_watches(metadata)


def _declare_batches(metadata: MetaData) -> None:
    Table(
        "batches",
        metadata,
        Column("id", String, primary_key=True),
        *_text("tenant", "who", "note", "state"),
        Column("total", Integer, nullable=False),
        Column("places", Integer, nullable=False),
        *_text("owner"),
        *_floats("until", "created"),
        Column("patience", Float, nullable=False, server_default="0"),
        Index("batches_state_until", "state", "until"),
    )
    Table(
        "provider_batches",
        metadata,
        Column("id", String, primary_key=True),
        Column("batch", String, nullable=False),
        Column("part", Integer, nullable=False),
        *_text("tenant", "source", "name"),
        Column("items", Integer, nullable=False),
        Column("created", Float, nullable=False),
        Index("provider_batches_batch", "batch", "part"),
    )
    Table(
        "batch_items",
        metadata,
        Column("batch", String, primary_key=True),
        Column("number", Integer, primary_key=True),
        *_text("asked", "status", "detail"),
        Column("tries", Integer, nullable=False),
        *_floats("due"),
        Column("place", Integer, nullable=False),
        Index("batch_items_status", "batch", "status", "due"),
        Index("batch_items_place", "batch", "place"),
    )


def _declare_watches(metadata: MetaData) -> None:
    Table(
        "watches",
        metadata,
        Column("id", String, primary_key=True),
        *_text("tenant", "who", "asked", "schedule", "zone", "note", "category", "webhook"),
        *_floats("created", "due", "checked", "changed"),
        *_text("error", "digest"),
        Column("seen", LargeBinary, nullable=False),
        Index("watches_due", "due"),
        Index("watches_tenant", "tenant", "created"),
    )
    Table(
        "webhooks",
        metadata,
        Column("id", String, primary_key=True),
        *_text("watch", "url", "body"),
        Column("tries", Integer, nullable=False),
        *_floats("due"),
        Index("webhooks_due", "due"),
    )


def _text(*names: str) -> list[Column[str]]:
    return [Column(name, String, nullable=False) for name in names]


def _floats(*names: str) -> list[Column[float]]:
    return [Column(name, Float, nullable=False) for name in names]
