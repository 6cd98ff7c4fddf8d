"""The rows of entries in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from storage.batching import Batcher
from storage.entry import Entry, encode
from storage.entry_rows import LINES, Kept, labels_of, lines_of
from storage.postgres import Postgres
from storage.postgres_reads import PostgresReads
from storage.withdrawals import Withdrawals, tenant_of

ENTRIES_PER_STATEMENT = 1000
WRITES_REMEMBERED = 100_000
"""Keys that are read from the primary while a replica lacks them."""
_SELECT = (
    "SELECT key, wire, 0 FROM entries WHERE key = ANY(?::text[]) "
    "UNION ALL SELECT NULL, NULL, position FROM invalidation_state"
)
# The lock of the log's one row is shared among fills and excludes withdrawals. Who has waited for
# a withdrawal sees the row as it left it (READ COMMITTED), and refuses what began before it.
_UPSERT = """
WITH fence AS MATERIALIZED (SELECT position FROM invalidation_state FOR SHARE),
put AS (
    INSERT INTO entries (key, source, wire, stored_at, keep_until, tenant, holds, labels)
    SELECT e.key, e.source, e.wire, e.stored_at, e.keep_until, e.tenant, e.holds,
           string_to_array(e.labels, E'\\n')
    FROM unnest(?::text[], ?::text[], ?::bytea[], ?::float8[], ?::float8[], ?::text[], ?::text[],
                ?::text[], ?::bigint[])
         AS e (key, source, wire, stored_at, keep_until, tenant, holds, labels, since), fence
    WHERE e.since >= fence.position
    ON CONFLICT (key) DO UPDATE SET source = excluded.source, wire = excluded.wire,
        stored_at = excluded.stored_at, keep_until = excluded.keep_until,
        holds = excluded.holds, labels = excluded.labels
    RETURNING key
)
SELECT key FROM put
"""


class _Put(NamedTuple):
    entry: Entry
    stored_at: float
    since: int
    """The position up to which it is known not to be withdrawn."""


class PostgresEntries:
    """Reads and writes in one statement each what is asked for together."""

    def __init__(self, database: Postgres, reads: PostgresReads) -> None:
        self._database = database
        self._reads = reads
        self._written: dict[str, int] = {}
        """Where in the server's log stands what was written under a key lately, oldest first."""
        self._puts: Batcher[_Put, bool] = Batcher(
            lambda puts: asyncio.ensure_future(self._store(puts)), ENTRIES_PER_STATEMENT
        )

    def find(self, keys: list[str]) -> asyncio.Future[Sequence[Kept]]:
        """Return what stands under each of *keys*."""
        return asyncio.ensure_future(self._find(keys))

    async def put(self, entry: Entry, stored_at: float) -> bool:
        """Keep *entry*; False: it was withdrawn since its fetch began."""
        since = entry.position
        while not await self._puts.submit(_Put(entry, stored_at, since)):
            position, withdrawn = await self._withdrawn(entry)
            if withdrawn:
                return False
            since = position
        return True

    async def drop(self, keys: Sequence[str]) -> int:
        """Remove *keys*; return how many there were."""
        return await self._database.change(
            "DELETE FROM entries WHERE key = ANY(?::text[])", [*map(_text, keys)]
        )

    async def _find(self, keys: list[str]) -> Sequence[Kept]:
        texts = [*map(_text, keys)]
        # What was written here lately is read from a server that has it, the rest from any.
        since = {text: self._written.get(text, 0) for text in texts}
        fresh = [text for text in texts if not self._reads.has(since[text])]
        rest = [text for text in texts if self._reads.has(since[text])]
        latest = max((since[text] for text in fresh), default=0)
        parts = [(part, least) for part, least in ((fresh, latest), (rest, 0)) if part]
        kept: dict[str, Kept] = {}
        for some in await asyncio.gather(*(self._select(part, least) for part, least in parts)):
            kept |= some
        return [kept[text] for text in texts]

    async def _select(self, texts: list[str], since: int) -> dict[str, Kept]:
        found = await self._reads.rows(_SELECT, texts, since=since)
        position = found.pop()[2]
        wires = {key: wire for key, wire, _ in found}
        return {text: Kept(wires.get(text), position) for text in texts}

    async def _store(self, puts: list[_Put]) -> Sequence[bool]:
        # Of two under one key the last stands. All writers take the keys in one order: no deadlock.
        last = {_text(put.entry.key): put for put in puts}
        rows = [_row(key, last[key]) for key in sorted(last)]
        columns = [[*column] for column in zip(*rows, strict=True)]
        taken = {row[0] for row in await self._database.rows(_UPSERT, *columns)}
        self._note(taken, await self._reads.written())
        return [_text(put.entry.key) in taken for put in puts]

    def _note(self, keys: Iterable[str], written: int) -> None:
        if not written:
            return
        for key in keys:
            self._written.pop(key, None)
            self._written[key] = written
        while self._written:
            key, place = next(iter(self._written.items()))
            if not self._reads.has(place) and len(self._written) <= WRITES_REMEMBERED:
                return
            del self._written[key]

    async def _withdrawn(self, entry: Entry) -> tuple[int, bool]:
        """Return where the log stands, and whether *entry* was withdrawn up to there."""
        state = "SELECT position, trimmed FROM invalidation_state"
        # Read first, so that no line up to this position is missed.
        position, trimmed = (await self._database.rows(state))[0]
        since = Withdrawals(entry.position, floor=trimmed)
        since.apply(lines_of(await self._database.rows(LINES, entry.position)))
        return position, since.covers(entry)


def _row(key: str, put: _Put) -> tuple[object, ...]:
    entry = put.entry
    labels = "\n".join(labels_of(entry))
    tenant = _text(tenant_of(entry.key))
    return (key, entry.source, encode(entry), put.stored_at, entry.keep_until, tenant,
            entry.holds, labels, put.since)  # fmt: skip


def _text(key: str) -> str:
    # PostgreSQL's texts hold no zero; a backslash marks what stands for one.
    if "\0" in key or "\\" in key:
        return key.replace("\\", "\\\\").replace("\0", "\\0")
    return key
