"""Lookups of batches whose records come first, and whose summaries are written by and by."""

from __future__ import annotations

from typing import Protocol

from gateway.route import Route
from gateway.wanted import Wanted
from storage.batches import EVERY, Batch

FETCHED = "fetched"
"""The stage of a lookup whose records are there, and whose summary nobody has asked for yet."""
DAY = 86_400.0
"""Seconds of patience from which on a provider may be asked: so long it may take (OpenAI: 24h)."""


class Later(Protocol):
    """What becomes of summaries that need not be written at once."""

    def takes(self, batch: Batch, route: Route, wanted: Wanted) -> bool:
        """Say whether the summary of a lookup may be written later."""

    async def step(self, batch: Batch, numbers: range = EVERY) -> None:
        """See to the lookups of these numbers whose records are there; raise `TierError`."""

    async def clear(self) -> None:
        """See to what was sent for batches that nobody waits for any more; raise `TierError`."""

    async def close(self) -> None:
        """Let what is being written land."""


class Never:
    """Everything is written at once."""

    def takes(self, batch: Batch, route: Route, wanted: Wanted) -> bool:
        """Return False."""
        del batch, route, wanted
        return False

    async def step(self, batch: Batch, numbers: range = EVERY) -> None:
        """There is nothing to be done."""

    async def clear(self) -> None:
        """There is nothing to be done."""

    async def close(self) -> None:
        """There is nothing to be done."""
