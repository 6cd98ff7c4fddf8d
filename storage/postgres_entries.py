"""The rows of entries in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from storage.entry import Entry
from storage.entry_rows import LINES, Kept, labels_of, lines_of
from storage.postgres_fills import EntryRow, Fill, Filled, PostgresFills
from storage.withdrawals import Withdrawals, tenant_of

Write = Callable[[Fill], Awaitable[Filled]]
ROWS_AT_ONCE = 100
"""Rows that are made ready in one turn of the loop: a millisecond's work."""
WRITES_REMEMBERED = 100_000
"""Keys that are read from the primary while a replica lacks them."""
_SELECT = (
    "SELECT key, wire, 0 FROM entries WHERE key = ANY(?::text[]) "
    "UNION ALL SELECT NULL, NULL, position FROM invalidation_state"
)

_SELECT_ONE = "SELECT wire, (SELECT position FROM invalidation_state) FROM entries WHERE key = ?"
"""What is asked alone, as most is: one look into an index, where the other is planned for ten."""


class PostgresEntries:
    """Reads and writes in one statement each what is asked for together."""

    def __init__(self, fills: PostgresFills) -> None:
        self._fills = fills
        self._database = fills.database
        self._reads = fills.reads
        self._written: dict[str, int] = {}
        """Where in the server's log stands what was written under a key lately, oldest first."""

    def find(self, keys: list[str]) -> asyncio.Future[Sequence[Kept]]:
        """Return what stands under each of *keys*."""
        return asyncio.ensure_future(self._find(keys))

    async def put(self, entry: Entry, stored_at: float) -> bool:
        """Keep *entry*; False: it was withdrawn since its fetch began."""
        rows = [_row(entry, stored_at)]
        return bool(await self._keep({rows[0].key: entry}, rows, self._fills.submit))

    async def put_many(self, entries: Sequence[Entry], stored_at: float) -> Sequence[bool]:
        """Keep *entries*, of which no two have one key, in one write beside all others."""
        rows: list[EntryRow] = []
        for start in range(0, len(entries), ROWS_AT_ONCE):
            rows += [_row(entry, stored_at) for entry in entries[start : start + ROWS_AT_ONCE]]
            await asyncio.sleep(0)  # whoever asks meanwhile gets their turn
        keys = [row.key for row in rows]
        kept = await self._keep(dict(zip(keys, entries, strict=True)), rows, self._fills.write)
        return [key in kept for key in keys]

    async def drop(self, keys: Sequence[str]) -> int:
        """Remove *keys*; return how many there were."""
        return await self._database.change(
            "DELETE FROM entries WHERE key = ANY(?::text[])", [*map(_text, keys)]
        )

    async def _find(self, keys: list[str]) -> Sequence[Kept]:
        if len(keys) == 1:
            return [await self._select_one(_text(keys[0]))]
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

    async def _select_one(self, text: str) -> Kept:
        written = self._written.get(text, 0)
        since = 0 if self._reads.has(written) else written
        found = await self._reads.rows(_SELECT_ONE, text, since=since)
        return Kept(*found[0]) if found else Kept(None, 0)

    async def _select(self, texts: list[str], since: int) -> dict[str, Kept]:
        found = await self._reads.rows(_SELECT, texts, since=since)
        position = found.pop()[2]
        wires = {key: wire for key, wire, _ in found}
        return {text: Kept(wires.get(text), position) for text in texts}

    def _note(self, keys: Iterable[str], written: int) -> None:
        if not written:
            return
        for key in keys:
            self._written.pop(key, None)
            self._written[key] = written
        while self._written:
            oldest, place = next(iter(self._written.items()))
            if not self._reads.has(place) and len(self._written) <= WRITES_REMEMBERED:
                return
            del self._written[oldest]

    async def _keep(
        self, entries: Mapping[str, Entry], rows: Sequence[EntryRow], write: Write
    ) -> set[str]:
        """Return which of *rows*, those of *entries*, are written: not what was withdrawn."""
        kept: set[str] = set()
        while rows:
            filled = await write(Fill(entries=rows))
            # Others' rows may have been written along.
            written = [row.key for row in rows if row.key in filled.keys]
            kept.update(written)
            self._note(written, filled.written)
            rows = await self._standing([row for row in rows if row.key not in kept], entries)
        return kept

    async def _standing(
        self, refused: Sequence[EntryRow], entries: Mapping[str, Entry]
    ) -> list[EntryRow]:
        """Return what the log does not cover of the rows that it was too far for."""
        if not refused:
            return []
        state = "SELECT position, trimmed FROM invalidation_state"
        # Read first, so that no line up to this position is missed.
        position, trimmed = (await self._database.rows(state))[0]
        oldest = min(entries[row.key].position for row in refused)
        since = Withdrawals(oldest, floor=trimmed)
        since.apply(lines_of(await self._database.rows(LINES, oldest)))
        return [
            row._replace(since=position) for row in refused if not since.covers(entries[row.key])
        ]


def _row(entry: Entry, stored_at: float) -> EntryRow:
    return EntryRow(
        _text(entry.key),
        entry.source,
        entry.packed,
        stored_at,
        entry.keep_until,
        _text(tenant_of(entry.key)),
        entry.holds,
        "\n".join(labels_of(entry)),
        entry.position,
    )


def _text(key: str) -> str:
    # PostgreSQL's texts hold no zero; a backslash marks what stands for one.
    if "\0" in key or "\\" in key:
        return key.replace("\\", "\\\\").replace("\0", "\\0")
    return key
