"""How names are searched in a SQLite database, on a connection of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from storage.name_matches import CANDIDATES, FAR, LEADING_CANDIDATES, edits_between, held
from storage.name_terms import beginning, containing, leading, resembling
from storage.names import fits, has_initials

_SEARCH = (
    "SELECT items.number, items.id, items.name, items.folded FROM item_terms "
    "JOIN items ON items.number = item_terms.rowid "
    "WHERE item_terms MATCH ? AND items.source = ? ORDER BY item_terms.rowid LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A record that may be meant."""

    id: str
    name: str


class _Row(NamedTuple):
    number: int
    id: str
    name: str
    folded: str


def suggest(
    connection: sqlite3.Connection, source: str, folded: str, limit: int
) -> list[Suggestion]:
    """Return at most *limit* names that the folded text may mean, the best first."""
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


def alike(connection: sqlite3.Connection, source: str, folded: str, limit: int) -> list[Suggestion]:
    """Return at most *limit* names that share most of the folded text, unranked."""
    found: dict[int, Suggestion] = {}
    for gap in (1, 2):
        expression = resembling(source, folded, gap)
        for row in _rows(connection, source, expression, limit) if expression else ():
            found[row.number] = Suggestion(row.id, row.name)
    return list(found.values())[:limit]


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
