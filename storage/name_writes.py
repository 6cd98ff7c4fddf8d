"""Writing names into the index of SQLite: all that a transaction brings at once.

FTS5 gathers what is inserted and writes it out as a small index of its own whenever the numbers of
rows go down or a savepoint ends: a thousand names in order of their numbers cost a fraction of a
thousand names one by one, and leave one index to search instead of hundreds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from storage.entry_rows import LINES
from storage.name_fence import STATE, standing
from storage.name_terms import document
from storage.names import fold

_LENGTH_STEP = 1 << 40
"""Numbers of rows for each length of name: rows in order of number are the shortest first."""
_LONGEST = 4095

_KNOWN = "SELECT id, number, name, folded FROM items WHERE source = ? AND id IN (%s)"
_IDS = 64
"""So many ids are looked for at once: more cost no less each."""
_LAST_NUMBER = "SELECT max(number) FROM items WHERE number >= ? AND number < ?"
_ADD = "INSERT INTO items (number, source, id, name, folded) VALUES (?, ?, ?, ?, ?)"
_DROP = "DELETE FROM items WHERE number = ?"
_ADD_TERMS = "INSERT INTO item_terms (rowid, terms) VALUES (?, ?)"
# A contentless FTS5 table is told what it is to forget.
_DROP_TERMS = "INSERT INTO item_terms (item_terms, rowid, terms) VALUES ('delete', ?, ?)"
# Each transaction leaves a small index beside the others; a few pages of merging after each keep
# them few (7 instead of 22 after 100,000 names), which halves the time of a search.
_MERGE = "INSERT INTO item_terms (item_terms, rank) VALUES ('merge', 64)"

Named = tuple[str, str]
"""A record's id and name."""
Row = tuple[int, str, str]
"""A number, a source and a folded name."""


class Wish(msgspec.Struct, frozen=True):
    """The names of *items* of *source*, as they were at position *since* of the log."""

    source: str
    items: Sequence[Named]
    since: int | None


def remember(
    connection: sqlite3.Connection, wishes: Sequence[Wish]
) -> Sequence[int | sqlite3.Error]:
    """Return for each of *wishes* how many of its names were new, or why they are not kept.

    An index that is damaged must not keep the entries of its transaction from being kept.
    """
    try:
        return _remember(connection, wishes)
    except sqlite3.Error as error:
        # The fault may be of one of them alone.
        return [error] if len(wishes) == 1 else [remember(connection, [w])[0] for w in wishes]


def forget(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Remove *rows*, within the transaction that *connection* is in."""
    for number, source, folded in sorted(rows):
        connection.execute(_DROP_TERMS, (number, document(source, folded)))
        connection.execute(_DROP, (number,))


def _remember(connection: sqlite3.Connection, wishes: Sequence[Wish]) -> Sequence[int]:
    counts: list[int] = []
    wanted: dict[Named, str] = {}
    known, state = _known(connection, wishes), connection.execute(STATE).fetchone()
    for wish in wishes:
        news = [each for each in wish.items if _is_new(wish.source, each, known)]
        counts.append(len(news))
        wanted |= {
            (wish.source, item): name for item, name in _standing(connection, wish, news, state)
        }
    if wanted:
        connection.execute("SAVEPOINT names")
        try:
            forget(connection, [known[place][0] for place in wanted if place in known])
            _add(connection, wanted)
            connection.execute(_MERGE)
        except sqlite3.Error:
            connection.execute("ROLLBACK TO names")
            raise
        finally:
            connection.execute("RELEASE names")
    return counts


def _known(connection: sqlite3.Connection, wishes: Sequence[Wish]) -> dict[Named, tuple[Row, str]]:
    """Return the row and the name of each record that is there, by its source and id."""
    ids: dict[str, dict[str, None]] = {}
    for wish in wishes:
        ids.setdefault(wish.source, {}).update(dict.fromkeys(item for item, _ in wish.items))
    known: dict[Named, tuple[Row, str]] = {}
    for source, all_ids in ids.items():
        left = list(all_ids)
        for start in range(0, len(left), _IDS):
            some = left[start : start + _IDS]
            # The number of places is a power of two, so that seven statements stay prepared.
            some += [some[-1]] * ((1 << (len(some) - 1).bit_length()) - len(some))
            statement = _KNOWN % ", ".join("?" * len(some))
            for item, number, name, folded in connection.execute(statement, (source, *some)):
                known[source, item] = (number, source, folded), name
    return known


def _is_new(source: str, item: Named, known: dict[Named, tuple[Row, str]]) -> bool:
    found = known.get((source, item[0]))
    return found is None or found[1] != item[1]


def _add(connection: sqlite3.Connection, wanted: dict[Named, str]) -> None:
    last: dict[int, int] = {}
    rows = []
    for (source, item), name in wanted.items():
        folded = fold(name)
        first = min(len(folded), _LONGEST) * _LENGTH_STEP
        if first not in last:
            found = connection.execute(_LAST_NUMBER, (first, first + _LENGTH_STEP)).fetchone()[0]
            last[first] = first - 1 if found is None else found
        last[first] += 1
        rows.append((last[first], source, item, name, folded))
    rows.sort()
    connection.executemany(_ADD, rows)
    terms = ((number, document(source, folded)) for number, source, _, _, folded in rows)
    connection.executemany(_ADD_TERMS, terms)


def _standing(
    connection: sqlite3.Connection, wish: Wish, items: list[Named], state: tuple[int, int]
) -> list[Named]:
    """Return those of *items* that were not withdrawn; *state* is that of the log."""
    if not items or wish.since is None:
        return items
    position, trimmed = state
    if wish.since >= position:
        return items
    lines = connection.execute(LINES, (wish.since,))
    return standing(wish.source, items, wish.since, trimmed, lines)
