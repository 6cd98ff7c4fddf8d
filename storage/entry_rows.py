"""What the tier in a database asks of the rows of entries, whichever engine keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from storage.entry import Entry
from storage.sql import Row
from storage.withdrawals import Scope, Withdrawal, ids_of

LINES = (
    "SELECT position, tenant, scope, source, value FROM invalidations "
    "WHERE position > ? ORDER BY position"
)
"""The log after a position, as `lines_of` reads it."""


class Kept(NamedTuple):
    """The bytes under a key, and where the log stood when they were read."""

    wire: bytes | None
    position: int


class EntryRows(Protocol):
    """The table of entries."""

    def find(self, keys: list[str]) -> asyncio.Future[Sequence[Kept]]:
        """Return what stands under each of *keys*, as one moment saw it."""

    def put(self, entry: Entry, stored_at: float) -> Awaitable[bool]:
        """Keep *entry*; False: it was withdrawn since its fetch began, and is not kept."""

    async def put_many(self, entries: Sequence[Entry], stored_at: float) -> Sequence[bool]:
        """Keep *entries*, of which no two have one key, in one write; say of each as `put` does."""

    async def drop(self, keys: Sequence[str]) -> int:
        """Remove *keys*; return how many there were."""


def labels_of(entry: Entry) -> list[str]:
    """Return what an index finds *entry* by: its tags and the ids of its records."""
    tags = [label("tag", tag) for tag in dict.fromkeys(entry.tags)]
    item = label("item", "")
    return tags + [item + each for each in ids_of(entry.holds)]


def label(kind: str, value: str) -> str:
    """Return the label of a tag or of a record's id."""
    return f"{kind[0]}:{value}"


def lines_of(rows: Iterable[Row]) -> Iterator[Withdrawal]:
    """Yield the lines of the log that `LINES` has read."""
    for position, tenant, kind, source, value in rows:
        yield Withdrawal(position, Scope(kind, tenant, source, value))
