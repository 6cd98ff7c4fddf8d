"""Every record is found by any part of its name, in PostgreSQL: an array of terms with an index.

The terms, what they mean and the order of what is found are those of `storage.name_index`.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from storage import postgres_name_search as search
from storage.entry_rows import LINES
from storage.name_fence import STATE, standing
from storage.name_index import NameIndex
from storage.name_matches import CANDIDATES, FAR, edits_between, held
from storage.name_search import Suggestion
from storage.name_terms import document_terms
from storage.names import fold
from storage.postgres_fills import Fill, NameRow, PostgresFills
from storage.sql import Row

_PURGE = (
    "DELETE FROM items WHERE starts_with(source, ?) "
    "AND NOT EXISTS (SELECT FROM entries WHERE entries.key = items.id)"
)
_ALWAYS = (1 << 62) - 1
"""A position that no log comes to."""
NAMES_PER_FILL = 1000
"""New names that one statement takes, so that other writes get their turn."""


class PostgresNameIndex(NameIndex):
    """The names of the records that sources have given, searched by index and never by scan."""

    def __init__(self, fills: PostgresFills) -> None:
        self._fills = fills
        self._server = fills.database

    async def remember(
        self, source: str, items: Sequence[tuple[str, str]], since: int | None = None
    ) -> None:
        """Index the ``(id, name)`` of *items*; a new name replaces the one its id had.

        What was withdrawn after position *since* of the log is left out. Known names are not
        written. Raises `TierError`.
        """
        named = {_storable(number): _storable(name) for number, name in items}
        rows = [*named.items()]
        for start in range(0, len(rows), NAMES_PER_FILL):
            await self._keep(source, rows[start : start + NAMES_PER_FILL], since)

    async def _keep(self, source: str, named: Sequence[tuple[str, str]], since: int | None) -> None:
        began = _ALWAYS if since is None else since
        while named:
            fill = Fill(names=[_row(source, item, name, began) for item, name in named])
            position = (await self._fills.submit(fill)).position
            if position <= began:
                return
            # The log has moved: what it does not cover is tried again from where it stands now.
            _, trimmed = (await self._server.rows(STATE))[0]
            lines = await self._server.rows(LINES, since)
            named = standing(source, named, since or 0, trimmed, lines)
            began = position

    async def suggest(self, source: str, text: str, limit: int) -> list[Suggestion]:
        """Return at most *limit* records of *source* whose names hold *text*, the best first.

        Raises `TierError`.
        """
        folded = fold(text)
        if not folded or limit < 1:
            return []
        statement, values = search.suggesting(source, folded, limit)
        rows = await self._server.rows(statement, *values)
        found = [row[1:] for row in rows if row[0] < search.RESEMBLES]
        if len(found) < limit:
            maybe = [row[1:] for row in rows if row[0] == search.RESEMBLES]
            found += await self._resembling(source, folded, maybe)
        best = found or await self._held(source, folded)
        # What holds the text resembles it too.
        unique = {row[0]: Suggestion(row[0], row[1]) for row in best}
        return [*unique.values()][:limit]

    async def resembling(self, source: str, text: str, limit: int) -> list[Suggestion]:
        """Return at most *limit* records of *source* whose names share most of *text*, unranked.

        Raises `TierError`.
        """
        statement, values = search.alike(source, fold(text), (1, 2), limit)
        return [Suggestion(row[0], row[1]) for row in await self._server.rows(statement, *values)]

    async def purge(self, prefix: str) -> int:
        """Forget the names whose ids are the keys of no kept entry; return how many.

        Only of sources that begin with *prefix*, whose ids are keys. Raises `TierError`.
        """
        return await self._server.change(_PURGE, prefix)

    async def _resembling(self, source: str, folded: str, rows: Sequence[Row]) -> Sequence[Row]:
        """Return those of *rows* that the text may mean, or others, the nearest first."""
        near = _nearest(folded, 1, rows)
        if near:
            return near
        statement, values = search.alike(source, folded, (2,), CANDIDATES)
        return _nearest(folded, 2, await self._server.rows(statement, *values))

    async def _held(self, source: str, folded: str) -> Sequence[Row]:
        """Return the names whose beginnings the text holds, the longest part first."""
        count = held(folded)
        statement, values = search.leading(source, folded)
        rows = await self._server.rows(statement, *values)
        ranked = sorted(((count(row[2]), row) for row in rows), key=itemgetter(0), reverse=True)
        return [row for length, row in ranked if length]


def _nearest(folded: str, gap: int, rows: Sequence[Row]) -> Sequence[Row]:
    edits = edits_between(folded, gap)
    # Sorting keeps the shortest first among those that are equally near.
    ranked = sorted(((edits(row[2]), row) for row in rows), key=itemgetter(0))
    return [row for count, row in ranked if count < FAR]


def _row(source: str, item: str, name: str, since: int) -> NameRow:
    folded = fold(name)
    terms = " ".join(document_terms(source, folded))
    return NameRow(source, item, name, folded, terms, since)


def _storable(text: str) -> str:
    # JSON may hold a zero or half of a surrogate pair, which PostgreSQL's texts cannot.
    return text.replace("\0", "").encode("utf-8", "replace").decode()
