"""What of batches a model's provider was sent, so that a restart asks for it and not again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.sql import Database

_ADD = """
    INSERT INTO provider_batches (id, batch, part, tenant, source, name, items, created)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_OF = """
    SELECT id, batch, part, tenant, source, name, items, created FROM provider_batches
    WHERE batch = ? AND part = ? ORDER BY created
"""
_LEFT = """
    SELECT p.id, p.batch, p.part, p.tenant, p.source, p.name, p.items, p.created
    FROM provider_batches AS p
    LEFT JOIN batches ON batches.id = p.batch
    WHERE batches.state IS NULL OR batches.state <> 'open' ORDER BY p.created
"""
_MOVE = """
    UPDATE batch_items SET detail = ?, due = ?
    WHERE batch = ? AND number = ? AND detail = ? AND status = 'waiting'
"""
_PUT_OFF = """
    UPDATE batch_items SET due = ? WHERE batch = ? AND detail = ? AND status = 'waiting'
"""


@dataclass(frozen=True, slots=True)
class ProviderBatch:
    """Summaries of one batch's lookups that went out together."""

    id: str
    """The gateway's own: the provider keeps it beside its name."""
    batch: str
    part: int
    """The first number of the lookups among which these are."""
    tenant: str
    """Whose batch it is."""
    source: str
    """The first lookup's."""
    name: str
    """The provider's; empty while nobody knows whether it was taken."""
    items: int
    """How many lookups wait for it; 0 once they are given what it brought."""
    created: float
    """Unix seconds."""

    @property
    def stage(self) -> str:
        """What the lookups that wait for it have for their stage."""
        return f"sent:{self.id}"


class _TakenError(Exception):
    """Another process was faster."""


class ProviderBatchStore:
    """The ``provider_batches`` of a database; every method raises `TierError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, sent: ProviderBatch, numbers: Sequence[int], stage: str, due: float
    ) -> bool:
        """Keep *sent*, before it goes out, and which lookups wait for it until *due*.

        False, and nothing is kept, where one of them is not at *stage* any more: another process
        has it.
        """
        try:
            await self._add(sent, numbers, stage, due)
        except _TakenError:
            return False
        return True

    async def _add(
        self, sent: ProviderBatch, numbers: Sequence[int], stage: str, due: float
    ) -> None:
        async with self._database.transaction() as transaction:
            whose = (sent.id, sent.batch, sent.part, sent.tenant, sent.source)
            await transaction.change(_ADD, *whose, sent.name, sent.items, sent.created)
            for number in numbers:
                moved = (sent.stage, due, sent.batch, number, stage)
                if not await transaction.change(_MOVE, *moved):
                    raise _TakenError

    async def name(self, sent: str, name: str) -> None:
        """Keep what the provider calls it."""
        await self._database.change("UPDATE provider_batches SET name = ? WHERE id = ?", name, sent)

    async def of(self, batch: str, part: int) -> list[ProviderBatch]:
        """Return what was sent of that part of *batch* and is not done with."""
        return [ProviderBatch(*row) for row in await self._database.rows(_OF, batch, part)]

    async def left(self) -> list[ProviderBatch]:
        """Return what was sent of batches that nobody waits for any more."""
        return [ProviderBatch(*row) for row in await self._database.rows(_LEFT)]

    async def put_off(self, sent: ProviderBatch, due: float) -> None:
        """Have nothing be done before *due* about the lookups that wait for it."""
        await self._database.change(_PUT_OFF, due, sent.batch, sent.stage)

    async def begin(self, sent: str) -> bool:
        """Keep that lookups are given what it brought; False where that had begun before."""
        begun = "UPDATE provider_batches SET items = 0 WHERE id = ? AND items > 0"
        return bool(await self._database.change(begun, sent))

    async def remove(self, sent: str) -> bool:
        """Forget it; False where another process has done so."""
        return bool(await self._database.change("DELETE FROM provider_batches WHERE id = ?", sent))
