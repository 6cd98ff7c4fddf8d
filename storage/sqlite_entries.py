"""The rows of entries in SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

from storage.entry import Entry, encode
from storage.entry_rows import LINES, Kept, labels_of, lines_of
from storage.sqlite import Sqlite
from storage.withdrawals import Withdrawals, tenant_of

_POSITION = "SELECT position FROM invalidation_state"
_UPSERT = (
    "INSERT INTO entries (key, source, wire, stored_at, keep_until, tenant, holds) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (key) DO UPDATE SET source = excluded.source, wire = excluded.wire, "
    "stored_at = excluded.stored_at, keep_until = excluded.keep_until, holds = excluded.holds"
)
_LABEL = "INSERT OR IGNORE INTO entry_labels (label, key) VALUES (?, ?)"


class SqliteEntries:
    """Reads in one statement what is asked for together, and writes in one transaction."""

    def __init__(self, database: Sqlite) -> None:
        self._database = database

    def find(self, keys: list[str]) -> asyncio.Future[Sequence[Kept]]:
        """Return what stands under each of *keys*."""
        return self._database.read(lambda connection: _select(connection, keys))

    async def put(self, entry: Entry, stored_at: float) -> bool:
        """Keep *entry*; False: it was withdrawn since its fetch began."""
        row = (entry.key, entry.source, encode(entry), stored_at, entry.keep_until)
        return await self._database.write(lambda connection: _put(connection, entry, row))

    async def put_many(self, entries: Sequence[Entry], stored_at: float) -> Sequence[bool]:
        """Keep *entries*: what is asked for together is one transaction by itself."""
        return await asyncio.gather(*(self.put(entry, stored_at) for entry in entries))

    async def drop(self, keys: Sequence[str]) -> int:
        """Remove *keys*; return how many there were."""
        return await self._database.change_many(
            "DELETE FROM entries WHERE key = ?", [(key,) for key in keys]
        )


def _select(connection: sqlite3.Connection, keys: list[str]) -> list[Kept]:
    # The number of places is a power of two, so that ten statements stay prepared, not 512.
    places = 1 << (len(keys) - 1).bit_length()
    statement = (
        f"SELECT key, wire FROM entries WHERE key IN (?{', ?' * (places - 1)}) "  # noqa: S608 - places only
        f"UNION ALL SELECT NULL, position FROM invalidation_state"
    )
    padding = [None] * (places - len(keys))
    rows = dict(connection.execute(statement, [*keys, *padding]).fetchall())
    position = rows.pop(None, 0)
    return [Kept(_wire(rows[key]) if key in rows else None, position) for key in keys]


def _wire(value: object) -> bytes:
    # SQLite keeps any type in any column: what is no blob is no entry, and decodes as such.
    return value if isinstance(value, bytes) else b""


def _put(connection: sqlite3.Connection, entry: Entry, row: tuple[object, ...]) -> bool:
    # The transaction holds the lock of all writers: no withdrawal comes between look and write.
    last = connection.execute(_POSITION).fetchone()[0]
    if entry.position < last and _withdrawn(connection, entry):
        return False
    connection.execute(_UPSERT, (*row, tenant_of(entry.key), entry.holds))
    _label(connection, entry)
    return True


def _label(connection: sqlite3.Connection, entry: Entry) -> None:
    labels, key = labels_of(entry), (entry.key,)
    known = connection.execute("SELECT label FROM entry_labels WHERE key = ?", key).fetchall()
    if sorted(labels) != [each for (each,) in known]:
        connection.execute("DELETE FROM entry_labels WHERE key = ?", key)
        connection.executemany(_LABEL, [(each, entry.key) for each in labels])


def _withdrawn(connection: sqlite3.Connection, entry: Entry) -> bool:
    trimmed = connection.execute("SELECT trimmed FROM invalidation_state").fetchone()[0]
    since = Withdrawals(entry.position, floor=trimmed)
    since.apply(lines_of(connection.execute(LINES, (entry.position,))))
    return since.covers(entry)
