"""Every record is found by any part of its name, in the same SQLite database as the entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from storage.name_matches import CANDIDATES, FAR, LEADING_CANDIDATES, edits_between, held
from storage.name_terms import beginning, containing, document, leading, resembling
from storage.names import fits, fold, has_initials
from storage.sqlite import Sqlite
from storage.tier import TierError

NAMES_UNTIL_MERGED = 5000
"""New names after which the index is made one again."""
ITEMS_PER_TRANSACTION = 200
"""New names that one transaction takes, so that other writes get their turn."""
_LENGTH_STEP = 1 << 40
"""Numbers of rows for each length of name: rows in order of number are the shortest first."""
_LONGEST = 4095

_SEARCH = (
    "SELECT items.number, items.id, items.name, items.folded FROM item_terms "
    "JOIN items ON items.number = item_terms.rowid "
    "WHERE item_terms MATCH ? AND items.source = ? ORDER BY item_terms.rowid LIMIT ?"
)
_KNOWN = "SELECT number, name, folded FROM items WHERE source = ? AND id = ?"
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


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A record that may be meant."""

    id: str
    name: str


class NameIndex:
    """The names of the records that sources have given, searched by index and never by scan."""

    def __init__(self, database: Sqlite) -> None:
        self._database = database
        self._unmerged = 0

    async def remember(self, source: str, items: Sequence[tuple[str, str]]) -> None:
        """Index the ``(id, name)`` of *items*; a new name replaces the one its id had.

        Known names cost a read and no write. Raises `TierError`.
        """
        named = {_storable(number): _storable(name) for number, name in items}
        try:
            news = await self._database.search(lambda c: _news(c, source, named))
            for start in range(0, len(news), ITEMS_PER_TRANSACTION):
                batch = news[start : start + ITEMS_PER_TRANSACTION]
                await self._database.write(_writer(source, batch))
            self._unmerged += len(news)
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
            return await self._database.search(lambda c: _suggest(c, source, folded, limit))
        except sqlite3.Error as error:
            raise TierError(f"the names in {self._database.path}: {error}") from error


class _Row(NamedTuple):
    number: int
    id: str
    name: str
    folded: str


def _suggest(
    connection: sqlite3.Connection, source: str, folded: str, limit: int
) -> list[Suggestion]:
    found: dict[int, Suggestion] = {}
    begins, contains = _tests(folded)
    for expression, accepts in (
        (beginning(source, folded), begins),
        (containing(source, folded), contains),
    ):
        for row in _rows(connection, source, expression):
            if accepts(row.folded):
                found[row.number] = Suggestion(row.id, row.name)
            if len(found) == limit:
                return list(found.values())
    for row in _resembling(connection, source, folded):
        found.setdefault(row.number, Suggestion(row.id, row.name))
        if len(found) == limit:
            break
    if not found:
        for row in _held(connection, source, folded)[:limit]:
            found[row.number] = Suggestion(row.id, row.name)
    return list(found.values())


def _tests(folded: str) -> tuple[Callable[[str], bool], Callable[[str], bool]]:
    """Return what a name must pass that begins with, and that contains, the folded text."""
    if not has_initials(folded):
        return (lambda name: name.startswith(folded)), (lambda name: folded in name)
    return (
        lambda name: fits(folded, name),
        lambda name: any(fits(folded, name[start:]) for start in range(len(name))),
    )


def _resembling(connection: sqlite3.Connection, source: str, folded: str) -> list[_Row]:
    """Return the names that hold the text but for a typing error, the nearest first."""
    # One wrong character first; two beside each other (exchanged, or a letter that slipped into
    # the next syllable) only when that finds nothing.
    for gap in (1, 2):
        expression = resembling(source, folded, gap)
        if not expression:
            continue
        edits = edits_between(folded, gap)
        rows = list(_rows(connection, source, expression, CANDIDATES))
        ranked = sorted((edits(row.folded), row.number, row) for row in rows)
        near = [row for count, _, row in ranked if count < FAR]
        if near:
            return near
    return []


def _held(connection: sqlite3.Connection, source: str, folded: str) -> list[_Row]:
    """Return the names whose beginnings the text holds, the longest part first."""
    expression, count = leading(source, folded), held(folded)
    rows = _rows(connection, source, expression, LEADING_CANDIDATES) if expression else ()
    ranked = sorted((-count(row.folded), row.number, row) for row in rows)
    return [row for length, _, row in ranked if length]


def _rows(
    connection: sqlite3.Connection, source: str, expression: str, limit: int = -1
) -> Iterator[_Row]:
    # Rows are made as they are asked for: whoever stops early has not paid for the rest.
    for row in connection.execute(_SEARCH, (expression, source, limit)):
        yield _Row._make(row)


def _news(
    connection: sqlite3.Connection, source: str, named: dict[str, str]
) -> list[tuple[str, str]]:
    """Return those of the items that the table does not have under the same name."""

    def known(item: str) -> str | None:
        row = connection.execute(_KNOWN, (source, item)).fetchone()
        return None if row is None else str(row[1])

    return [(item, name) for item, name in named.items() if known(item) != name]


def _writer(source: str, items: list[tuple[str, str]]) -> Callable[[sqlite3.Connection], None]:
    def write(connection: sqlite3.Connection) -> None:
        for item, name in items:
            _replace(connection, source, item, name)
        connection.execute(_MERGE)

    return write


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


def forget_names(connection: sqlite3.Connection, condition: str, values: Sequence[str]) -> None:
    """Remove the names that meet *condition*, within the transaction that *connection* is in."""
    select = f"SELECT number, source, folded FROM items WHERE {condition}"  # noqa: S608 - the log's own
    for number, source, folded in connection.execute(select, values).fetchall():
        connection.execute(_DROP_TERMS, (number, document(source, folded)))
        connection.execute("DELETE FROM items WHERE number = ?", (number,))


def _storable(text: str) -> str:
    # JSON may hold half of a surrogate pair, which no database takes.
    return text.encode("utf-8", "replace").decode()
