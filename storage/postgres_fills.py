"""What a lookup brings is written to PostgreSQL in one statement: entry, names and summaries."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, NamedTuple, cast

from storage.batching import Batcher
from storage.postgres import Postgres
from storage.postgres_reads import PostgresReads
from storage.summaries import OR_REPLACE

FILLS_PER_STATEMENT = 1000

# The lock of the log's one row is shared among fills and excludes withdrawals. Who has waited for
# a withdrawal sees the row as it left it (READ COMMITTED), and refuses what began before it.
# Names in the order of their numbers are the shortest first, as in SQLite. A name that is known
# already is neither locked nor written. Texts of entries come joined; of a single empty one nothing
# is left by that, which coalesce makes up for.
_KEEP = f"""
WITH fence AS MATERIALIZED (SELECT position FROM invalidation_state FOR SHARE),
put AS (
    INSERT INTO entries (key, source, wire, stored_at, keep_until, tenant, holds, labels)
    SELECT coalesce(e.key, ''), coalesce(e.source, ''), e.wire, e.stored_at,
           e.keep_until, coalesce(e.tenant, ''), coalesce(e.holds, ''),
           string_to_array(coalesce(e.labels, ''), E'\\n')
    FROM unnest(string_to_array(?, ?), string_to_array(?, ?), ?::bytea[], ?::float8[], ?::float8[],
                string_to_array(?, ?), string_to_array(?, ?), string_to_array(?, ?), ?::bigint[])
         AS e (key, source, wire, stored_at, keep_until, tenant, holds, labels, since), fence
    WHERE e.since >= fence.position
    ON CONFLICT (key) DO UPDATE SET source = excluded.source, wire = excluded.wire,
        stored_at = excluded.stored_at, keep_until = excluded.keep_until,
        holds = excluded.holds, labels = excluded.labels
),
named AS (
    INSERT INTO items (number, source, id, name, folded, grams)
    SELECT (least(char_length(n.folded), 4095)::bigint << 40) + nextval('items_number_seq'),
           n.source, n.id, n.name, n.folded,
           ARRAY(SELECT hashtext(term) FROM unnest(string_to_array(n.terms, ' ')) AS term)
    FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[])
         AS n (source, id, name, folded, terms, since), fence
    WHERE n.since >= fence.position AND NOT EXISTS (
        SELECT FROM items
        WHERE items.source = n.source AND items.id = n.id AND items.name = n.name
    )
    ON CONFLICT (source, id) DO UPDATE SET number = excluded.number, name = excluded.name,
        folded = excluded.folded, grams = excluded.grams
),
summarized AS (
    INSERT INTO summaries (digest, body, at, cost, keep_until,
                           model, prompt_tokens, cached_tokens, completion_tokens, usd, retry)
    SELECT s.*
    FROM unnest(?::text[], ?::bytea[], ?::float8[], ?::float8[], ?::float8[], ?::text[],
                ?::bigint[], ?::bigint[], ?::bigint[], ?::float8[], ?::float8[]) AS s
    {OR_REPLACE}
)
SELECT position FROM fence
"""  # noqa: S608 - words of ours


class EntryRow(NamedTuple):
    """One row of ``entries``, its labels joined by ends of lines."""

    key: str
    source: str
    wire: bytes
    stored_at: float
    keep_until: float
    tenant: str
    holds: str
    labels: str
    since: int
    """The position up to which it is known not to be withdrawn."""


_TEXTS = frozenset({"key", "source", "tenant", "holds", "labels"})
"""The columns of it that are text."""


class NameRow(NamedTuple):
    """One row of ``items``, its terms joined by blanks."""

    source: str
    id: str
    name: str
    folded: str
    terms: str
    since: int
    """The position up to which it is known not to be withdrawn."""


class SummaryRow(NamedTuple):
    """One row of ``summaries``."""

    digest: str
    body: bytes
    at: float
    cost: float
    keep_until: float
    model: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    usd: float | None
    retry: float


@dataclass(frozen=True, slots=True)
class Fill:
    """Rows that are to be written."""

    entries: Sequence[EntryRow] = ()
    names: Sequence[NameRow] = ()
    summaries: Sequence[SummaryRow] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a fill. What was known to stand only before *position* is not written."""

    position: int
    """Where the log of invalidations stands."""
    keys: frozenset[str]
    """The entries that were written."""
    written: int
    """Where in the server's log of changes they stand; 0 where no replicas are read from."""


class PostgresFills:
    """Writes in one statement what comes together, and what comes while one is out."""

    def __init__(self, database: Postgres, reads: PostgresReads) -> None:
        self.database = database
        self.reads = reads
        """Where what was written is read from."""
        self._fills: Batcher[Fill, Filled] = Batcher(
            lambda fills: asyncio.ensure_future(self._write(fills)), FILLS_PER_STATEMENT
        )

    def submit(self, fill: Fill) -> asyncio.Future[Filled]:
        """Return what becomes of *fill*, after its commit; the future raises `TierError`."""
        self.database.observer.asked()
        return self._fills.submit(fill)

    async def write(self, fill: Fill) -> Filled:
        """Return what becomes of *fill*, after its commit, beside what else is being written.

        Raise `TierError`. No other fill that is under way may have one of its entries: which of
        the two would stand is not known.
        """
        return (await self._write([fill]))[0]

    async def _write(self, fills: list[Fill]) -> Sequence[Filled]:
        # Of two under one name the last stands. All writers take the rows in one order: no
        # deadlock.
        entries = {row.key: row for fill in fills for row in fill.entries}
        names = {(row.source, row.id): row for fill in fills for row in fill.names}
        summaries = {row.digest: row for fill in fills for row in fill.summaries}
        found = await self.database.rows(
            _KEEP,
            *_joined(entries),
            *_columns(names, NameRow),
            *_columns(summaries, SummaryRow),
        )
        position = int(found[0][0])
        keys = frozenset(key for key, row in entries.items() if row.since >= position)
        filled = Filled(position, keys, await self.reads.written() if keys else 0)
        return [filled] * len(fills)


def _joined(rows: Mapping[str, EntryRow]) -> list[object]:
    """Return the columns of *rows*, in the order of their keys; of texts one, and what parts it.

    asyncpg asks of every element of an array whether it is an array itself, which is most of what
    texts cost.
    """
    apart = f"\x1e{token_hex(8)}"  # made for this statement alone: nobody can have written it
    values: list[object] = []
    for name, column in zip(EntryRow._fields, _columns(rows, EntryRow), strict=True):
        if name in _TEXTS:
            values += [apart.join(cast("list[str]", column)), apart]
        else:
            values.append(column)
    return values


def _columns(rows: Mapping[Any, tuple[object, ...]], kind: type[NamedTuple]) -> list[list[object]]:
    """Return the columns of *rows*, in the order of their names."""
    if not rows:
        return [[] for _ in kind._fields]
    return [[*column] for column in zip(*(rows[name] for name in sorted(rows)), strict=True)]
