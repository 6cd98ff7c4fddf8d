"""Every record is found by any part of its name, in PostgreSQL: an array of terms with an index.

The terms, what they mean and the order of what is found are those of `storage.name_index`.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

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
from storage.postgres_fills import Fill, NameRow, PostgresFills
from storage.sql import Row

_SEARCH = (
    # The name is compared before the terms: where all names are walked in their order, because the
    # part is a common one, each is looked at, and its terms are ten times as long.
    "SELECT id, name, folded FROM items WHERE source = ? AND folded ~ ? AND terms @> ?::text[] "
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
_ALWAYS = (1 << 62) - 1
"""A position that no log comes to."""
NAMES_PER_FILL = 1000
"""New names that one statement takes, so that other writes get their turn."""
_INITIAL_SYLLABLES = 588
"""Syllables that begin with one consonant: they stand together in Unicode."""


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
        found: dict[str, Suggestion] = {}
        part = "".join(map(_meaning, folded))
        for terms, expression in (
            (beginning_terms(source, folded), f"^{part}"),
            (containing_terms(source, folded), part),
        ):
            for row in await self._server.rows(_SEARCH, source, expression, terms, limit):
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


def _row(source: str, item: str, name: str, since: int) -> NameRow:
    folded = fold(name)
    terms = " ".join(document_terms(source, folded))
    return NameRow(source, item, name, folded, terms, since)


def _meaning(character: str) -> str:
    """Return the expression of one folded character: a lone consonant stands for its syllables."""
    if not is_initial(character):
        return character
    first = 0xAC00 + (ord(character) - 0x1100) * _INITIAL_SYLLABLES
    return f"[{character}{chr(first)}-{chr(first + _INITIAL_SYLLABLES - 1)}]"


def _storable(text: str) -> str:
    # JSON may hold a zero or half of a surrogate pair, which PostgreSQL's texts cannot.
    return text.replace("\0", "").encode("utf-8", "replace").decode()
