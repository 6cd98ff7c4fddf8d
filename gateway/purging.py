"""What need not be kept any more goes, once in a while."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from gateway.beside import beside, every
from storage.tier import TierError

PURGE_EVERY = 3600.0
"""Seconds between two removals of what no tier needs to keep."""

Purge = Callable[[float], Awaitable[int]]
"""Removes what is past its time at the given one, in Unix seconds; returns how much."""


@asynccontextmanager
async def purging(purges: Sequence[Purge], clock: Callable[[], float]) -> AsyncIterator[None]:
    """Run *purges* now and every `PURGE_EVERY` seconds within the context."""

    async def purge_all() -> None:
        # A database that cannot purge cannot be read either, and reads tell of it.
        with suppress(TierError):
            for purge in purges:
                await purge(clock())

    async with beside(purge=every(PURGE_EVERY, purge_all, at_once=True)):
        yield
