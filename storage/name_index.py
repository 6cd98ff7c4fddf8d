"""Every record is found by any part of its name, in the same SQLite database as the entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from storage import name_search as search
from storage.entry_rows import LINES
from storage.name_fence import STATE, standing
from storage.name_search import Suggestion
from storage.name_terms import document
from storage.names import fold
from storage.sqlite import Sqlite
from storage.tier import TierError

NAMES_UNTIL_MERGED = 5000
"""New names after which the index is made one again."""
ITEMS_PER_TRANSACTION = 200
"""New names that one transaction takes, so that other writes get their turn."""
_LENGTH_STEP = 1 << 40
"""Numbers of rows for each length of name: rows in order of number are the shortest first."""
_LONGEST = 4095

_KNOWN = "SELECT number, name, folded FROM items WHERE source = ? AND id = ?"
_ORPHANS = (
    "SELECT number, source, folded FROM items WHERE source >= ? AND source < ? "
    "AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.key = items.id) LIMIT 10000"
)
_LAST_NUMBER = "SELECT max(number) FROM items WHERE number >= ? AND number < ?"
_ADD = "INSERT INTO items (number, source, id, name, folded) VALUES (?, ?, ?, ?, ?)"
_ADD_TERMS = "INSERT INTO item_terms (rowid, terms) VALUES (?, ?)"
# A contentless FTS5 table is told what it is to forget.
_DROP_TERMS = "INSERT INTO item_terms (item_terms, rowid, terms) VALUES ('delete', ?, ?)"
# Each transaction leaves a small index beside the others; a few pages of merging after each keep
# them few (7 instead of 22 after 100,000 names), which halves the time of a search.
_MERGE = "INSERT INTO item_terms (item_terms, rank) VALUES ('merge', 64)"
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
                done = await self._database.write(_writer(source, batch, since))
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
    for number, source, folded in rows:
        connection.execute(_DROP_TERMS, (number, document(source, folded)))
        connection.execute("DELETE FROM items WHERE number = ?", (number,))
    return len(rows)


def _writer(
    source: str, items: list[tuple[str, str]], since: int | None
) -> Callable[[sqlite3.Connection], int | sqlite3.Error]:
    def write(connection: sqlite3.Connection) -> int | sqlite3.Error:
        news = [each for each in items if _known(connection, source, each[0]) != each[1]]
        if not news:
            return 0
        # An index that is damaged must not keep the entries of its transaction from being kept.
        connection.execute("SAVEPOINT names")
        try:
            for item, name in _standing(connection, source, news, since):
                _replace(connection, source, item, name)
            connection.execute(_MERGE)
        except sqlite3.Error as error:
            connection.execute("ROLLBACK TO names")
            return error
        finally:
            connection.execute("RELEASE names")
        return len(news)

    return write


def _known(connection: sqlite3.Connection, source: str, item: str) -> str | None:
    row = connection.execute(_KNOWN, (source, item)).fetchone()
    return None if row is None else str(row[1])


def _replace(connection: sqlite3.Connection, source: str, item: str, name: str) -> None:
    for number, _, old in connection.execute(_KNOWN, (source, item)).fetchall():
        connection.execute(_DROP_TERMS, (number, document(source, old)))
        connection.execute("DELETE FROM items WHERE number = ?", (number,))
    folded = fold(name)
    first = min(len(folded), _LONGEST) * _LENGTH_STEP
    last = connection.execute(_LAST_NUMBER, (first, first + _LENGTH_STEP)).fetchone()[0]
    number = first if last is None else last + 1
    connection.execute(_ADD, (number, source, item, name, folded))
    connection.execute(_ADD_TERMS, (number, document(source, folded)))


def _standing(
    connection: sqlite3.Connection, source: str, items: list[tuple[str, str]], since: int | None
) -> list[tuple[str, str]]:
    position, trimmed = connection.execute(STATE).fetchone()
    if since is None or since >= position:
        return items
    return standing(source, items, since, trimmed, connection.execute(LINES, (since,)))


def forget_names(connection: sqlite3.Connection, condition: str, values: Sequence[str]) -> None:
    """Remove the names that meet *condition*, within the transaction that *connection* is in."""
    select = f"SELECT number, source, folded FROM items WHERE {condition}"  # noqa: S608 - the log's own
    for number, source, folded in connection.execute(select, values).fetchall():
        connection.execute(_DROP_TERMS, (number, document(source, folded)))
        connection.execute("DELETE FROM items WHERE number = ?", (number,))


def _storable(text: str) -> str:
    # JSON may hold half of a surrogate pair, which no database takes.
    return text.encode("utf-8", "replace").decode()
