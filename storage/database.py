"""The tier in a database: slower than memory, and still there after a restart."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from storage.batching import Batcher
from storage.entry import Entry, decode, encode
from storage.sqlite import MEMORY, Sqlite, open_sqlite
from storage.tier import TierError

KEYS_PER_STATEMENT = 512
PURGE_ROWS = 500
"""Rows that one transaction of a purge deletes, so that other writes get their turn."""

_UPSERT = (
    "INSERT INTO entries (key, source, wire, stored_at, keep_until) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (key) DO UPDATE SET source = excluded.source, wire = excluded.wire, "
    "stored_at = excluded.stored_at, keep_until = excluded.keep_until"
)
_PURGE = "DELETE FROM entries WHERE key IN (SELECT key FROM entries WHERE keep_until <= ? LIMIT ?)"
_FAULTS = (sqlite3.Error, UnicodeError)
"""What SQLite's binding raises; the second for a key that no UTF-8 can hold."""


async def open_database(url: str) -> DatabaseTier:
    """Open the database at *url* (``sqlite+aiosqlite:///file``), making and migrating it.

    Raises `TierError` that names the database and says why it cannot be opened.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        # The text itself stays out of the message: it may hold a password.
        raise TierError("the database's URL is none (try sqlite+aiosqlite:///file)") from error
    if parsed.get_backend_name() != "sqlite":
        raise TierError(f"cannot open {parsed}: {parsed.get_backend_name()} is not supported")
    return DatabaseTier(await open_sqlite(parsed.database or MEMORY))


class DatabaseTier:
    """Keeps entries as rows of a SQLite database.

    Reads that come together become one statement, writes one transaction; a write returns after
    its commit. *clock* gives the Unix time that stands in ``stored_at``.
    """

    name = "database"

    def __init__(self, database: Sqlite, clock: Callable[[], float] = time.time) -> None:
        self.database = database
        self._clock = clock
        self._reads: Batcher[str, bytes | None] = Batcher(
            lambda keys: database.read(lambda connection: _select(connection, keys)),
            KEYS_PER_STATEMENT,
        )

    async def get(self, key: str) -> Entry | None:
        """Return the entry or None; raise `CorruptEntryError` on foreign bytes, or `TierError`."""
        try:
            wire = await self._reads.submit(key)
        except _FAULTS as error:
            raise self._failed(error) from error
        return None if wire is None else decode(wire)

    async def put(self, entry: Entry) -> None:
        """Keep *entry*; return after the commit, or raise `TierError`."""
        row = (entry.key, entry.source, encode(entry), self._clock(), entry.keep_until)
        await self._write(lambda connection: connection.execute(_UPSERT, row).rowcount)

    async def drop(self, keys: Sequence[str]) -> int:
        """Forget *keys*; return how many of them it had, or raise `TierError`."""
        doomed = [(key,) for key in dict.fromkeys(keys)]
        if not doomed:
            return 0
        delete = "DELETE FROM entries WHERE key = ?"
        return await self._write(lambda connection: connection.executemany(delete, doomed).rowcount)

    async def purge(self, now: float) -> int:
        """Remove the entries whose ``keep_until`` is not after *now*; return how many."""

        def delete(connection: sqlite3.Connection) -> int:
            return connection.execute(_PURGE, (now, PURGE_ROWS)).rowcount

        removed = 0
        while True:
            count = await self._write(delete)
            removed += count
            if count < PURGE_ROWS:
                return removed

    async def ping(self) -> None:
        """Return if the table can be read; raise `TierError` saying why it cannot."""
        try:
            await self.database.read(
                lambda connection: connection.execute("SELECT 1 FROM entries LIMIT 1").fetchone()
            )
        except _FAULTS as error:
            raise self._failed(error) from error

    async def close(self) -> None:
        """Finish what was asked for and close the database."""
        await self._reads.settled()
        await self.database.close()

    async def _write(self, operation: Callable[[sqlite3.Connection], int]) -> int:
        try:
            return await self.database.write(operation)
        except _FAULTS as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> TierError:
        return TierError(f"the database {self.database.path}: {error}")


def _select(connection: sqlite3.Connection, keys: list[str]) -> list[bytes | None]:
    # The number of places is a power of two, so that ten statements stay prepared, not 512.
    places = 1 << (len(keys) - 1).bit_length()
    statement = f"SELECT key, wire FROM entries WHERE key IN (?{', ?' * (places - 1)})"  # noqa: S608 - places only
    padding = [None] * (places - len(keys))
    rows = dict(connection.execute(statement, [*keys, *padding]).fetchall())
    return [_wire(rows[key]) if key in rows else None for key in keys]


def _wire(value: object) -> bytes:
    # SQLite keeps any type in any column: what is no blob is no entry, and decodes as such.
    return value if isinstance(value, bytes) else b""
