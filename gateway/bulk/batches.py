"""The batches of every tenant: made, told of, cancelled."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from gateway.bulk.spec import BatchesSpec
from storage.batches import Batch, BatchStore, Finished, Status
from storage.tier import TierError

TERM = 15.0
"""Seconds after which a batch is another process's, if the one that has it does not say more."""
ITEMS_AT_ONCE = 500
"""Lookups that are read from the database together."""


class TooManyBatchesError(Exception):
    """The tenant has as many open batches as it may."""


class Queue(Protocol):
    """Where other processes hear of batches."""

    async def announce(self, batch: Batch) -> None:
        """Have *batch* be worked on; raise `TierError`."""


class NoQueue:
    """This process looks for batches itself."""

    async def announce(self, batch: Batch) -> None:
        """There is nobody to be told."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is."""

    batch: Batch
    counts: dict[Status, int]


class Batches:
    """What clients may do with batches; every method raises `TierError`."""

    def __init__(
        self,
        store: BatchStore,
        spec: BatchesSpec,
        queue: Queue | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.spec = spec
        self.queue: Queue = queue or NoQueue()
        self.clock = clock
        self.news = asyncio.Event()
        """Is set when a batch is made or gets further here after this was asked for."""

    async def add(
        self, tenant: str, who: str, asked: Sequence[str], note: str, patience: float = 0.0
    ) -> Batch:
        """Keep the lookups *asked* (as `gateway.wanted` writes them) and have them done.

        With the *patience* of a day, in seconds, their summaries may come later and cost less.

        Raise `TooManyBatchesError`.
        """
        if await self.store.open_count(tenant) >= self.spec.max_open:
            raise TooManyBatchesError
        name = secrets.token_urlsafe(12)
        batch = Batch(name, tenant, who, note, "open", len(asked), self.clock(), patience)
        await self.store.add(batch, asked)
        with suppress(TierError):  # it is kept: who looks once a minute finds it
            await self.queue.announce(batch)
        self.tell()
        return batch

    async def progress(self, batch: str, tenant: str) -> Progress | None:
        """Return how far a batch is; None where it is not *tenant*'s."""
        found = await self.store.get(batch, tenant)
        return None if found is None else Progress(found, await self.store.count(batch))

    async def results(self, batch: str, after: int) -> list[Finished]:
        """Return what is done after that place, some of it at a time."""
        return await self.store.results(batch, after, ITEMS_AT_ONCE)

    async def cancel(self, batch: str, tenant: str) -> bool:
        """See that no more of it is done; False where there is no open one of *tenant*."""
        cancelled = await self.store.cancel(batch, tenant)
        self.tell()
        return cancelled

    def tell(self) -> None:
        """Wake who waits for `news`."""
        news, self.news = self.news, asyncio.Event()
        news.set()

    async def wait(self, news: asyncio.Event, seconds: float) -> None:
        """Return when *news* is set, or other processes may have got further."""
        try:
            async with asyncio.timeout(seconds):
                await news.wait()
        except TimeoutError:
            return
