"""Summaries by the digest of their input: the same input is never paid for twice.

Another query that finds the same records, a refresh that changed nothing and a restart all
name the same digest, and find the summary that was written for it.
"""

from __future__ import annotations

import sqlite3

from storage.entry import Part
from storage.sqlite import Sqlite
from storage.tier import TierError

_UPSERT = (
    "INSERT INTO summaries (digest, body, at, cost, keep_until) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (digest) DO UPDATE SET body = excluded.body, at = excluded.at, "
    "cost = excluded.cost, keep_until = excluded.keep_until"
)


class SummaryStore:
    """The ``summaries`` of a database, which its owner opens and closes."""

    def __init__(self, database: Sqlite) -> None:
        self._database = database

    async def get(self, digest: str) -> Part | None:
        """Return the summary that was made from *digest*, or None; raise `TierError`."""
        select = "SELECT body, at, cost FROM summaries WHERE digest = ?"
        try:
            row = await self._database.read(
                lambda connection: connection.execute(select, (digest,)).fetchone()
            )
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return None if row is None else Part(row[0], row[1], row[2], digest)

    async def put(self, summary: Part, keep_until: float) -> None:
        """Keep *summary* under its digest until *keep_until* (Unix seconds); raise `TierError`."""
        row = (summary.digest, summary.body, summary.at, summary.cost, keep_until)
        try:
            await self._database.write(lambda connection: connection.execute(_UPSERT, row))
        except sqlite3.Error as error:
            raise self._failed(error) from error

    async def purge(self, now: float) -> int:
        """Remove the summaries whose ``keep_until`` is not after *now*; return how many."""
        delete = "DELETE FROM summaries WHERE keep_until <= ?"
        try:
            return await self._database.write(
                lambda connection: connection.execute(delete, (now,)).rowcount
            )
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> TierError:
        return TierError(f"the database {self._database.path}: {error}")
