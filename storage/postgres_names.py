"""Every record is found by any part of its name, in PostgreSQL: an array of terms with an index.

The terms, what they mean and the order of what is found are those of `storage.name_index`.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from storage.database import DatabaseTier
from storage.entry_rows import LINES
from storage.name_fence import STATE, standing
from storage.name_index import NameIndex
from storage.name_matches import CANDIDATES, FAR, LEADING_CANDIDATES, edits_between, held
from storage.name_search import Suggestion
from storage.name_terms import (
    beginning_terms,
    containing_terms,
    document_terms,
    leading_terms,
    resembling_terms,
)
from storage.names import fold, is_initial
from storage.postgres import Postgres
from storage.sql import Row
from storage.sqlite import Sqlite

_SEARCH = (
    "SELECT id, name, folded FROM items WHERE source = ? AND terms @> ?::text[] AND folded ~ ? "
    "ORDER BY number LIMIT ?"
)
# "+ 0": where any of many terms will do, walking all names in their order until enough have been
# found takes a hundred times as long as sorting the few.
_LEADING = (
    "SELECT id, name, folded FROM items WHERE source = ? AND terms && ?::text[] "
    "ORDER BY number + 0 LIMIT ?"
)
_PURGE = (
    "DELETE FROM items WHERE starts_with(source, ?) "
    "AND NOT EXISTS (SELECT FROM entries WHERE entries.key = items.id)"
)
# Rows in the order of their numbers are the shortest names first, as in SQLite. A name that is
# known already is neither locked nor written. The lock is that of fills and withdrawals.
_REMEMBER = """
WITH fence AS MATERIALIZED (SELECT position FROM invalidation_state FOR SHARE),
put AS (
    INSERT INTO items (number, source, id, name, folded, terms)
    SELECT (least(char_length(n.folded), 4095)::bigint << 40) + nextval('items_number_seq'),
           ?::text, n.id, n.name, n.folded, string_to_array(n.terms, ' ')
    FROM unnest(?::text[], ?::text[], ?::text[], ?::text[]) AS n (id, name, folded, terms), fence
    WHERE ?::bigint >= fence.position AND NOT EXISTS (
        SELECT FROM items WHERE items.source = $1 AND items.id = n.id AND items.name = n.name
    )
    ON CONFLICT (source, id) DO UPDATE SET number = excluded.number, name = excluded.name,
        folded = excluded.folded, terms = excluded.terms
)
SELECT position FROM fence
"""
_ALWAYS = (1 << 62) - 1
"""A position that no log comes to."""
_INITIAL_SYLLABLES = 588
"""Syllables that begin with one consonant: they stand together in Unicode."""


def open_names(database: DatabaseTier) -> NameIndex:
    """Return the names that *database* keeps beside its entries."""
    engine = database.database
    return NameIndex(engine) if isinstance(engine, Sqlite) else PostgresNameIndex(engine)


class PostgresNameIndex(NameIndex):
    """The names of the records that sources have given, searched by index and never by scan."""

    def __init__(self, database: Postgres) -> None:
        self._server = database

    async def remember(
        self, source: str, items: Sequence[tuple[str, str]], since: int | None = None
    ) -> None:
        """Index the ``(id, name)`` of *items*; a new name replaces the one its id had.

        What was withdrawn after position *since* of the log is left out. One statement, which
        writes nothing where all names are known. Raises `TierError`.
        """
        named = {_storable(number): _storable(name) for number, name in items}
        began = _ALWAYS if since is None else since
        while named and (position := await self._write(source, named, began)) > began:
            # The log has moved: what it does not cover is tried again from where it stands now.
            _, trimmed = (await self._server.rows(STATE))[0]
            lines = await self._server.rows(LINES, since)
            named = dict(standing(source, named.items(), since or 0, trimmed, lines))
            began = position

    async def _write(self, source: str, named: dict[str, str], since: int) -> int:
        """Write *named* unless the log stands after *since*; return where it stands."""
        # One order for all writers: no deadlock.
        rows = [(number, named[number], fold(named[number])) for number in sorted(named)]
        ids, names, folded = ([*column] for column in zip(*rows, strict=True))
        terms = [" ".join(document_terms(source, each)) for each in folded]
        stands = await self._server.rows(_REMEMBER, source, ids, names, folded, terms, since)
        return int(stands[0][0])

    async def suggest(self, source: str, text: str, limit: int) -> list[Suggestion]:
        """Return at most *limit* records of *source* whose names hold *text*, the best first.

        Raises `TierError`.
        """
        folded = fold(text)
        if not folded or limit < 1:
            return []
        found: dict[str, Suggestion] = {}
        part = "".join(map(_meaning, folded))
        for terms, expression in (
            (beginning_terms(source, folded), f"^{part}"),
            (containing_terms(source, folded), part),
        ):
            for row in await self._server.rows(_SEARCH, source, terms, expression, limit):
                found.setdefault(row[0], Suggestion(row[0], row[1]))
            if len(found) >= limit:
                return [*found.values()][:limit]
        for row in await self._resembling(source, folded):
            found.setdefault(row[0], Suggestion(row[0], row[1]))
        if not found:
            for row in await self._held(source, folded):
                found[row[0]] = Suggestion(row[0], row[1])
        return [*found.values()][:limit]

    async def _held(self, source: str, folded: str) -> list[Row]:
        """Return the names whose beginnings the text holds, the longest part first."""
        count = held(folded)
        rows = await self._server.rows(
            _LEADING, source, leading_terms(source, folded), LEADING_CANDIDATES
        )
        ranked = sorted(((count(row[2]), row) for row in rows), key=itemgetter(0), reverse=True)
        return [row for length, row in ranked if length]

    async def resembling(self, source: str, text: str, limit: int) -> list[Suggestion]:
        """Return at most *limit* records of *source* whose names share most of *text*, unranked.

        Raises `TierError`.
        """
        found = {
            row[0]: Suggestion(row[0], row[1])
            for gap in (1, 2)
            for row in await self._sharing(source, fold(text), gap, limit)
        }
        return [*found.values()][:limit]

    async def purge(self, prefix: str) -> int:
        """Forget the names whose ids are the keys of no kept entry; return how many.

        Only of sources that begin with *prefix*, whose ids are keys. Raises `TierError`.
        """
        return await self._server.change(_PURGE, prefix)

    async def _resembling(self, source: str, folded: str) -> list[Row]:
        """Return the names that hold the text but for a typing error, the nearest first."""
        for gap in (1, 2):
            rows = await self._sharing(source, folded, gap, CANDIDATES)
            edits = edits_between(folded, gap)
            # Sorting keeps the shortest first among those that are equally near.
            ranked = sorted(((edits(row[2]), row) for row in rows), key=itemgetter(0))
            near = [row for count, row in ranked if count < FAR]
            if near:
                return near
        return []

    async def _sharing(self, source: str, folded: str, gap: int, limit: int) -> list[Row]:
        """Return names that hold the text but for *gap* characters, in some order."""
        branches = resembling_terms(source, folded, gap)
        if not branches:
            return []
        conditions = " OR ".join(["terms @> ?::text[]"] * len(branches))
        statement = (
            f"SELECT id, name, folded FROM items WHERE source = ? AND ({conditions}) "  # noqa: S608 - places only
            "ORDER BY number + 0 LIMIT ?"
        )
        return list(await self._server.rows(statement, source, *branches, limit))


def _meaning(character: str) -> str:
    """Return the expression of one folded character: a lone consonant stands for its syllables."""
    if not is_initial(character):
        return character
    first = 0xAC00 + (ord(character) - 0x1100) * _INITIAL_SYLLABLES
    return f"[{character}{chr(first)}-{chr(first + _INITIAL_SYLLABLES - 1)}]"


def _storable(text: str) -> str:
    # JSON may hold a zero or half of a surrogate pair, which PostgreSQL's texts cannot.
    return text.replace("\0", "").encode("utf-8", "replace").decode()
