"""What each session looked up last, under a hash that its caller makes: never the session's id."""

from __future__ import annotations

from typing import NamedTuple

from storage.sql import Database

_RECENT = """
    SELECT source, text, keyword FROM sessions
    WHERE session = ? AND at > ? ORDER BY at DESC LIMIT ?
"""
_UPSERT = """
    INSERT INTO sessions (session, source, text, keyword, at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (session, source, text, keyword) DO UPDATE SET at = excluded.at
"""
_TRIM = """
    DELETE FROM sessions WHERE session = ? AND at < (
        SELECT MIN(newest.at) FROM (
            SELECT at FROM sessions WHERE session = ? ORDER BY at DESC LIMIT ?
        ) AS newest
    )
"""


class Past(NamedTuple):
    """A lookup that was made before."""

    source: str
    text: str
    """The normalised query."""
    keyword: str


class SessionStore:
    """The ``sessions`` of a database, which its owner opens and closes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recent(self, session: str, since: float, most: int) -> tuple[Past, ...]:
        """Return at most so many lookups after *since* (Unix seconds), the latest first.

        Raise `TierError`, as every method does.
        """
        rows = await self._database.rows(_RECENT, session, since, most)
        return tuple(Past(*row) for row in rows)

    async def add(self, session: str, past: Past, at: float, most: int) -> None:
        """Remember *past* as the latest; what is then beyond the *most* latest is forgotten."""
        async with self._database.transaction() as transaction:
            await transaction.change(_UPSERT, session, *past, at)
            await transaction.change(_TRIM, session, session, most)

    async def forget(self, session: str) -> int:
        """Forget all of *session*; return how many lookups that were."""
        return await self._database.change("DELETE FROM sessions WHERE session = ?", session)

    async def purge(self, until: float) -> int:
        """Forget what is not later than *until* (Unix seconds); return how many."""
        return await self._database.change("DELETE FROM sessions WHERE at <= ?", until)
