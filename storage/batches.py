"""Batches of lookups: what is asked, what is still to be done, and in which order it was done.

What the lookups brought is not here but in the tiers, as for everyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from storage.sql import Database

State = Literal["open", "done", "cancelled"]
Status = Literal["waiting", "done", "failed"]

ROWS_AT_ONCE = 500
"""Items of one statement: both engines take no more than 32,766 values."""
EVERY = range((1 << 31) - 1)
"""The numbers of all lookups of a batch."""
_OPEN = """
    SELECT id, tenant, who, note, state, total, created, patience FROM batches
    WHERE state = 'open' ORDER BY created
"""
_ADD = """
    INSERT INTO batches
        (id, tenant, who, note, state, total, places, owner, until, created, patience)
    VALUES (?, ?, ?, ?, 'open', ?, 0, '', 0, ?, ?)
"""
_ITEM = "(?, ?, ?, 'waiting', '', 0, 0, 0)"
_GET = """
    SELECT id, tenant, who, note, state, total, created, patience FROM batches
    WHERE id = ? AND tenant = ?
"""
_CLAIM = """
    UPDATE batches SET owner = ?, until = ? WHERE until <= ? AND state = 'open' AND id = (
        SELECT id FROM batches WHERE state = 'open' AND until <= ? ORDER BY until, created LIMIT 1
    ) RETURNING id, tenant, who, note, state, total, created, patience
"""
_DUE = """
    SELECT number, asked, tries FROM batch_items
    WHERE batch = ? AND status = 'waiting' AND due <= ? AND number >= ? AND number < ?
        AND detail = ? ORDER BY number LIMIT ?
"""
_RESULTS = """
    SELECT place, number, status, asked, detail FROM batch_items
    WHERE batch = ? AND place > ? ORDER BY place LIMIT ?
"""
_FINISH = """
    UPDATE batch_items SET status = ?, detail = ?, place = ?
    WHERE batch = ? AND number = ? AND status = 'waiting'
"""
_CLOSE = """
    UPDATE batches SET state = 'done' WHERE id = ? AND state = 'open' AND NOT EXISTS (
        SELECT 1 FROM batch_items WHERE batch = ? AND status = 'waiting'
    )
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """So many lookups that one tenant wants."""

    id: str
    tenant: str
    who: str
    """The name of the key or token that asked."""
    note: str
    state: State
    total: int
    created: float
    """Unix seconds."""
    patience: float = 0.0
    """Seconds that whoever asked will wait for summaries that are cheaper."""


@dataclass(frozen=True, slots=True)
class Item:
    """A lookup of a batch that is still to be done."""

    number: int
    """Where it stands in the batch, from 0."""
    asked: str
    """The lookup as text, of which this package knows nothing."""
    tries: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A lookup of a batch that is done, or was given up."""

    place: int
    """Where it stands in the order in which they were done, from 1; 0: not kept yet."""
    number: int
    status: Status
    asked: str = ""
    detail: str = ""
    """Why it failed, as text of which this package knows nothing."""


class BatchStore:
    """The ``batches`` of a database; every method raises `TierError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, batch: Batch, asked: Sequence[str]) -> None:
        """Keep *batch* with all its lookups, or nothing."""
        async with self._database.transaction() as transaction:
            whose = (batch.id, batch.tenant, batch.who, batch.note)
            await transaction.change(_ADD, *whose, batch.total, batch.created, batch.patience)
            for start in range(0, len(asked), ROWS_AT_ONCE):
                part = asked[start : start + ROWS_AT_ONCE]
                rows = [(batch.id, start + number, text) for number, text in enumerate(part)]
                statement = f"INSERT INTO batch_items VALUES {', '.join([_ITEM] * len(part))}"  # noqa: S608 - only the number of rows varies
                await transaction.change(statement, *(value for row in rows for value in row))

    async def get(self, batch: str, tenant: str) -> Batch | None:
        """Return the batch of that id if it is *tenant*'s."""
        rows = await self._database.rows(_GET, batch, tenant)
        return Batch(*rows[0]) if rows else None

    async def count(self, batch: str) -> dict[Status, int]:
        """Return how many lookups of *batch* have each status."""
        statement = "SELECT status, count(*) FROM batch_items WHERE batch = ? GROUP BY status"
        counts: dict[Status, int] = {"waiting": 0, "done": 0, "failed": 0}
        return counts | {row[0]: row[1] for row in await self._database.rows(statement, batch)}

    async def open_count(self, tenant: str) -> int:
        """Return how many batches of *tenant* are not done."""
        statement = "SELECT count(*) FROM batches WHERE tenant = ? AND state = 'open'"
        return int((await self._database.rows(statement, tenant))[0][0])

    async def open(self) -> list[Batch]:
        """Return the batches of all tenants that are not done, the oldest first."""
        return [Batch(*row) for row in await self._database.rows(_OPEN)]

    async def open_parts(self, batch: str, size: int) -> list[int]:
        """Return which of the parts of that many lookups hold one that is still to be done."""
        statement = (
            "SELECT DISTINCT number / CAST(? AS integer) FROM batch_items "
            "WHERE batch = ? AND status = 'waiting' ORDER BY 1"
        )
        return [int(row[0]) for row in await self._database.rows(statement, size, batch)]

    async def claim(self, owner: str, now: float, until: float) -> Batch | None:
        """Return an open batch that is nobody's, as *owner*'s *until* then; None: there is none."""
        async with self._database.transaction() as transaction:
            rows = await transaction.rows(_CLAIM, owner, until, now, now)
        return Batch(*rows[0]) if rows else None

    async def hold(self, batch: str, owner: str, until: float) -> bool:
        """Keep *batch* until then; False where it is not *owner*'s any more, or not open."""
        statement = "UPDATE batches SET until = ? WHERE id = ? AND owner = ? AND state = 'open'"
        return bool(await self._database.change(statement, until, batch, owner))

    async def due(
        self, batch: str, now: float, most: int, numbers: range = EVERY, *, stage: str = ""
    ) -> list[Item]:
        """Return lookups with these *numbers* that may be done now, in order.

        *stage* is how far each of them is; empty: nothing is done of it.
        """
        values = (batch, now, numbers.start, numbers.stop, stage, most)
        return [Item(*row) for row in await self._database.rows(_DUE, *values)]

    async def next_due(self, batch: str, numbers: range = EVERY) -> float | None:
        """Return when the next lookup with these *numbers* may be done; None: all are done."""
        statement = (
            "SELECT min(due) FROM batch_items "
            "WHERE batch = ? AND status = 'waiting' AND number >= ? AND number < ?"
        )
        due = (await self._database.rows(statement, batch, numbers.start, numbers.stop))[0][0]
        return None if due is None else float(due)

    async def finish(self, batch: str, done: Sequence[Finished]) -> None:
        """Keep that these are *done*, in this order, and that the batch is if none is left."""
        async with self._database.transaction() as transaction:
            statement = "UPDATE batches SET places = places + ? WHERE id = ? RETURNING places"
            rows = await transaction.rows(statement, len(done), batch)
            if not rows:
                return
            first = rows[0][0] - len(done) + 1
            for place, each in enumerate(done, first):
                values = (each.status, each.detail, place, batch, each.number)
                await transaction.change(_FINISH, *values)
            await transaction.change(_CLOSE, batch, batch)

    async def postpone(self, batch: str, items: Iterable[tuple[Item, float]]) -> None:
        """Have each of *items* done at its time (Unix seconds), with its count of tries."""
        statement = "UPDATE batch_items SET due = ?, tries = ? WHERE batch = ? AND number = ?"
        rows = [(due, item.tries, batch, item.number) for item, due in items]
        await self._database.change_many(statement, rows)

    async def move(self, batch: str, numbers: Iterable[int], stage: str, due: float) -> None:
        """Keep that these are as far as *stage*, and due then (Unix seconds)."""
        statement = (
            "UPDATE batch_items SET detail = ?, due = ? "
            "WHERE batch = ? AND number = ? AND status = 'waiting'"
        )
        rows = [(stage, due, batch, number) for number in numbers]
        await self._database.change_many(statement, rows)

    async def results(self, batch: str, after: int, most: int) -> list[Finished]:
        """Return what is done after that place, in the order in which it was done."""
        rows = await self._database.rows(_RESULTS, batch, after, most)
        return [Finished(*row) for row in rows]

    async def cancel(self, batch: str, tenant: str) -> bool:
        """See that no more of *batch* is done; False where there is no open one of *tenant*."""
        statement = (
            "UPDATE batches SET state = 'cancelled' WHERE id = ? AND tenant = ? AND state = 'open'"
        )
        return bool(await self._database.change(statement, batch, tenant))

    async def purge(self, before: float) -> int:
        """Forget batches that were made before then (Unix seconds); return how many."""
        async with self._database.transaction() as transaction:
            statement = (
                "DELETE FROM batch_items WHERE batch IN (SELECT id FROM batches WHERE created < ?)"
            )
            await transaction.change(statement, before)
            return await transaction.change("DELETE FROM batches WHERE created < ?", before)
