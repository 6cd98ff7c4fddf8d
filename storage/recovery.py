"""What a process has left unwritten when it died: found in the backlog, and written by another."""

from __future__ import annotations

import asyncio

from storage.backlog import Backlog, OnLoss
from storage.entry import CorruptEntryError, Entry
from storage.tier import Tier, TierAwayError, TierError, WithdrawnError
from storage.write_behind import WriteBehind

LOOK_EVERY = 15.0
"""Seconds between two looks."""


class Recovery:
    """Writes to *behind* what *shared* has and *backlog* says is not written."""

    def __init__(
        self, behind: WriteBehind, shared: Tier, backlog: Backlog, on_loss: OnLoss
    ) -> None:
        self._behind = behind
        self._shared = shared
        self._backlog = backlog
        self._on_loss = on_loss

    async def running(self, age: float) -> None:
        """Look at once for all there is, then again for what is older than *age* seconds.

        Younger ones are another process's, which is writing them.
        """
        older_than = 0.0
        while True:
            try:
                await self.recover(older_than)
            except TierAwayError:
                pass  # who lost it has told of that
            except TierError as error:
                self._on_loss(str(error))
            else:
                older_than = age
            await asyncio.sleep(LOOK_EVERY)

    async def recover(self, older_than: float = 0.0) -> int:
        """Return how many entries were written; raise `TierError`."""
        keys = await self._backlog.left(older_than)
        return sum([await self._written(key) for key in keys if not self._behind.has(key)])

    async def _written(self, key: str) -> bool:
        written: Entry | None = None
        while True:
            try:
                entry = await self._shared.get(key)
            except CorruptEntryError:
                entry = None
            if entry is None or entry == written:
                # Nothing newer has come while it was written: an older one cannot stand now.
                await self._backlog.done([key])
                return written is not None
            try:
                await self._behind.put(entry)
            except WithdrawnError:
                await self._backlog.done([key])
                return False
            written = entry
