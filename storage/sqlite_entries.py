"""The rows of entries in SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence

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
_KEYS = 256
"""So many are looked for at once."""
_LABEL = "INSERT OR IGNORE INTO entry_labels (label, key) VALUES (?, ?)"


class SqliteEntries:
    """Reads in one statement what is asked for together, and writes in one transaction."""

    def __init__(self, database: Sqlite) -> None:
        self._database = database

    def find(self, keys: list[str]) -> asyncio.Future[Sequence[Kept]]:
        """Return what stands under each of *keys*."""
        return self._database.read(lambda connection: _select(connection, keys))

    def put(self, entry: Entry, stored_at: float) -> asyncio.Future[bool]:
        """Keep *entry*; False: it was withdrawn since its fetch began."""
        return self._database.alike(_put, (entry, stored_at))

    async def put_many(self, entries: Sequence[Entry], stored_at: float) -> Sequence[bool]:
        """Keep *entries*: what is asked for together is one transaction by itself."""
        return await asyncio.gather(*(self.put(entry, stored_at) for entry in entries))

    async def drop(self, keys: Sequence[str]) -> int:
        """Remove *keys*; return how many there were."""
        return await self._database.change_many(
            "DELETE FROM entries WHERE key = ?", [(key,) for key in keys]
        )


def _select(connection: sqlite3.Connection, keys: list[str]) -> list[Kept]:
    statement = (
        f"SELECT key, wire FROM entries WHERE key IN ({_places(len(keys))}) "  # noqa: S608 - places only
        f"UNION ALL SELECT NULL, position FROM invalidation_state"
    )
    rows = dict(connection.execute(statement, _padded(keys)).fetchall())
    position = rows.pop(None, 0)
    return [Kept(_wire(rows[key]) if key in rows else None, position) for key in keys]


def _wire(value: object) -> bytes:
    # SQLite keeps any type in any column: what is no blob is no entry, and decodes as such.
    return value if isinstance(value, bytes) else b""


def _put(connection: sqlite3.Connection, wishes: Sequence[tuple[Entry, float]]) -> Sequence[bool]:
    # The transaction holds the lock of all writers: no withdrawal comes between look and write.
    last = connection.execute(_POSITION).fetchone()[0]
    kept = [entry.position >= last or not _withdrawn(connection, entry) for entry, _ in wishes]
    standing = [wish for wish, stands in zip(wishes, kept, strict=True) if stands]
    connection.executemany(_UPSERT, (_row(entry, stored_at) for entry, stored_at in standing))
    # Of several under one key the last is there.
    labels = {entry.key: labels_of(entry) for entry, _ in standing}
    keys = list(labels)
    for start in range(0, len(keys), _KEYS):
        _label(connection, {key: labels[key] for key in keys[start : start + _KEYS]})
    return kept


def _row(entry: Entry, stored_at: float) -> tuple[object, ...]:
    key, until = entry.key, entry.keep_until
    return key, entry.source, encode(entry), stored_at, until, tenant_of(key), entry.holds


def _label(connection: sqlite3.Connection, labels: Mapping[str, list[str]]) -> None:
    known: dict[str, list[str]] = {}
    statement = f"SELECT key, label FROM entry_labels WHERE key IN ({_places(len(labels))})"  # noqa: S608 - places only
    for key, label in connection.execute(statement, _padded(list(labels))):
        known.setdefault(key, []).append(label)
    other = [key for key, own in labels.items() if sorted(own) != sorted(known.get(key, ()))]
    gone = [(key,) for key in other if key in known]
    if gone:
        connection.executemany("DELETE FROM entry_labels WHERE key = ?", gone)
    rows = [(label, key) for key in other for label in labels[key]]
    if rows:
        connection.executemany(_LABEL, rows)


def _places(count: int) -> str:
    # The number of places is a power of two, so that ten statements stay prepared, not 512.
    return "?" + ", ?" * ((1 << (count - 1).bit_length()) - 1)


def _padded(keys: Sequence[str]) -> list[str | None]:
    return [*keys, *[None] * ((1 << (len(keys) - 1).bit_length()) - len(keys))]


def _withdrawn(connection: sqlite3.Connection, entry: Entry) -> bool:
    trimmed = connection.execute("SELECT trimmed FROM invalidation_state").fetchone()[0]
    since = Withdrawals(entry.position, floor=trimmed)
    since.apply(lines_of(connection.execute(LINES, (entry.position,))))
    return since.covers(entry)
