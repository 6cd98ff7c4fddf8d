"""Working on batches in this process: one after the other, a few of them at a time.

A batch is claimed for a term that is renewed. Who dies loses it with its term, and the next
process, or the same one after its restart, goes on where it was.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from gateway.beside import beside
from gateway.bulk.batches import ITEMS_AT_ONCE, TERM, Batches
from gateway.bulk.work import Work
from gateway.events import Events, TierFailed
from storage.batches import Batch
from storage.tier import TierError

POLL = 5.0
"""Seconds between two looks for batches that another process was asked for, or has left."""


@asynccontextmanager
async def working(batches: Batches, work: Work, events: Events) -> AsyncIterator[None]:
    """Work on batches within the context; what is begun then is given back, not lost."""
    runner = Runner(batches, work, events)
    names = [f"batches {number}" for number in range(batches.spec.at_once)]
    async with beside(**{name: runner.run() for name in names}):
        yield


class Runner:
    """Claims batches and has them worked on."""

    def __init__(self, batches: Batches, work: Work, events: Events, term: float = TERM) -> None:
        self._batches = batches
        self._store = batches.store
        self._clock: Callable[[], float] = batches.clock
        self._work = work
        self._events = events
        self._term = term

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            news, owner = self._batches.news, secrets.token_hex(8)
            batch: Batch | None = None
            try:
                now = self._clock()
                batch = await self._store.claim(owner, now, now + self._term)
                if batch is not None:
                    await self._held(batch, owner)
                else:
                    await self._work.later.clear()
            except TierError as error:
                self._events.emit(TierFailed("database", "batches", str(error)))
                await asyncio.sleep(POLL)
            if batch is None:
                await self._batches.wait(news, POLL)

    async def _held(self, batch: Batch, owner: str) -> None:
        """Work on *batch* for as long as it is *owner*'s."""
        doing = asyncio.create_task(self._do(batch, owner), name=f"batch {batch.id}")
        try:
            while True:
                done, _ = await asyncio.wait([doing], timeout=self._term / 5)
                if done:
                    return doing.result()
                with suppress(TierError):
                    if not await self._keep(batch, owner, self._term):
                        return None
        finally:
            if not doing.done():
                doing.cancel()
                await asyncio.wait([doing])
                with suppress(TierError):
                    await asyncio.shield(self._keep(batch, owner, 0.0))

    async def _do(self, batch: Batch, owner: str) -> None:
        while items := await self._store.due(batch.id, self._clock(), ITEMS_AT_ONCE):
            await self._work.do(batch, items)
        await self._work.later.step(batch)
        due = await self._store.next_due(batch.id)
        if due is not None:
            await self._store.hold(batch.id, owner, due)
        else:
            await self._store.finish(batch.id, [])  # nothing was left of it

    async def _keep(self, batch: Batch, owner: str, seconds: float) -> bool:
        return await self._store.hold(batch.id, owner, self._clock() + seconds)
