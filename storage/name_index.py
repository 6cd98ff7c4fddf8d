"""Every record is found by any part of its name, in the same SQLite database as the entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from storage import name_search as search
from storage.name_search import Suggestion
from storage.name_writes import Wish, forget, remember
from storage.names import fold
from storage.sqlite import Sqlite
from storage.tier import TierError

NAMES_UNTIL_MERGED = 5000
"""New names after which the index is made one again."""
ITEMS_PER_TRANSACTION = 200
"""New names that one transaction takes, so that other writes get their turn."""

_ORPHANS = (
    "SELECT number, source, folded FROM items WHERE source >= ? AND source < ? "
    "AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.key = items.id) LIMIT 10000"
)
# One index is searched in half the time of seven; making it of 100,000 names takes 0.3 s.
_MERGE_ALL = "INSERT INTO item_terms (item_terms) VALUES ('optimize')"


class NameIndex:
    """The names of the records that sources have given, searched by index and never by scan."""

    def __init__(self, database: Sqlite) -> None:
        self._database = database
        self._unmerged = 0

    async def remember(
        self, source: str, items: Sequence[tuple[str, str]], since: int | None = None
    ) -> None:
        """Index the ``(id, name)`` of *items*; a new name replaces the one its id had.

        What was withdrawn after position *since* of the log is left out. Known names are not
        written. Raises `TierError`.
        """
        named = [*{_storable(number): _storable(name) for number, name in items}.items()]
        try:
            for start in range(0, len(named), ITEMS_PER_TRANSACTION):
                batch = named[start : start + ITEMS_PER_TRANSACTION]
                done = await self._database.together(remember, Wish(source, batch, since))
                if isinstance(done, sqlite3.Error):
                    raise done
                self._unmerged += done
            if self._unmerged >= NAMES_UNTIL_MERGED:
                self._unmerged = 0
                await self._database.write(lambda c: c.execute(_MERGE_ALL).rowcount)
        except sqlite3.Error as error:
            raise TierError(f"the names in {self._database.path}: {error}") from error

    async def suggest(self, source: str, text: str, limit: int) -> list[Suggestion]:
        """Return at most *limit* records of *source* whose names hold *text*, the best first.

        The exact name comes first, then names that begin with the text, then those that contain
        it, the shortest first, then those that would but for a typing error, the nearest first.
        Case, accents, spaces and punctuation do not count; lone initial consonants stand for
        syllables. If nothing is found, those whose beginnings the text holds. Raises `TierError`.
        """
        folded = fold(text)
        if not folded or limit < 1:
            return []
        try:
            return await self._database.search(lambda c: search.suggest(c, source, folded, limit))
        except sqlite3.Error as error:
            raise TierError(f"the names in {self._database.path}: {error}") from error

    async def resembling(self, source: str, text: str, limit: int) -> list[Suggestion]:
        """Return at most *limit* records of *source* whose names share most of *text*, unranked.

        Raises `TierError`.
        """
        folded = fold(text)
        try:
            return await self._database.search(lambda c: search.alike(c, source, folded, limit))
        except sqlite3.Error as error:
            raise TierError(f"the names in {self._database.path}: {error}") from error

    async def purge(self, prefix: str) -> int:
        """Forget the names whose ids are the keys of no kept entry; return how many.

        Only of sources that begin with *prefix*, whose ids are keys. Raises `TierError`.
        """
        try:
            return await self._database.write(lambda c: _purge(c, prefix))
        except sqlite3.Error as error:
            raise TierError(f"the names in {self._database.path}: {error}") from error


def _purge(connection: sqlite3.Connection, prefix: str) -> int:
    rows = connection.execute(_ORPHANS, (prefix, prefix + "\U0010ffff")).fetchall()
    forget(connection, rows)
    return len(rows)


def forget_names(connection: sqlite3.Connection, condition: str, values: Sequence[str]) -> None:
    """Remove the names that meet *condition*, within the transaction that *connection* is in."""
    select = f"SELECT number, source, folded FROM items WHERE {condition}"  # noqa: S608 - the log's own
    forget(connection, connection.execute(select, values).fetchall())


def _storable(text: str) -> str:
    # JSON may hold half of a surrogate pair, which no database takes.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
