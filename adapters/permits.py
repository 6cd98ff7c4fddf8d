"""Calls at a time: so many permits, and a queue for them in which callers go before bulk work."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from adapters.errors import Kind, UpstreamError
from adapters.source import Priority


class Permits:
    """At most *concurrency* holders and *queue* who wait; the most urgent is next, then the first.

    A holder that is cancelled gives its permit back, and one that is cancelled just when its
    turn has come hands it on.
    """

    def __init__(self, concurrency: int, queue: int) -> None:
        self._free = concurrency
        self._queue = queue
        self._order = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @property
    def free(self) -> int:
        """How many nobody holds."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return sum(not turn.done() for *_, turn in self._waiting)

    @asynccontextmanager
    async def held(self, priority: Priority) -> AsyncIterator[None]:
        """Hold a permit; raise ``OVERLOADED`` at once when too many wait already."""
        await self._acquire(priority)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, priority: Priority) -> None:
        if self._free:
            self._free -= 1
            return
        if self.waiting >= self._queue:
            raise UpstreamError(Kind.OVERLOADED, "too many calls wait for this source")
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            # The permit was handed over in the same step in which its taker was cancelled.
            if turn.done() and not turn.cancelled():
                self._release()
            raise

    def _release(self) -> None:
        while self._waiting:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
