"""Doing the lookups of a batch, a few at a time, through the resolver and behind everyone else.

What is fresh costs nothing: a lookup that was done by a process that died before it could say so
is found in the tiers, and not paid for again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import msgspec

from adapters.errors import UpstreamError
from adapters.source import Priority
from gateway.bulk.faults import Fault
from gateway.bulk.later import FETCHED, Later, Never
from gateway.bulk.pace import Pace, Unpaced
from gateway.bulk.patience import holds_source, wait_after
from gateway.bulk.spec import BatchesSpec
from gateway.parameters import BadLookupError
from gateway.resolver import Resolver
from gateway.route import Route
from gateway.wanted import read_wanted
from storage.batches import Batch, BatchStore, Finished, Item

TOLD_AT_ONCE = 50
"""Lookups that are done before the database is told, unless `TOLD_AFTER` seconds pass."""
TOLD_AFTER = 0.5


class Work:
    """Does items of batches; *told* is called whenever the database knows of more that are done."""

    def __init__(
        self,
        *,
        resolver: Resolver,
        routes: Mapping[str, Route],
        store: BatchStore,
        spec: BatchesSpec,
        told: Callable[[], None] = lambda: None,
        pace: Pace | None = None,
        later: Later | None = None,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._resolver = resolver
        self._routes = routes
        self._store = store
        self._spec = spec
        self._told = told
        self._pace: Pace = pace or Unpaced()
        self.later: Later = later or Never()
        """Has summaries written that need not be written at once."""
        self._clock = clock
        self._draw = draw

    async def do(self, batch: Batch, items: Iterable[Item]) -> None:
        """See to each of *items*: it is done, has failed or is put off; raise `TierError`."""
        pending, part = iter(items), _Part(batch, self._store, self._told)

        async def worker() -> None:
            for item in pending:
                await self._see_to(item, part)
                await part.told_in_time()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._spec.concurrency):
                    group.create_task(worker())
        finally:
            await part.tell()

    async def _see_to(self, item: Item, part: _Part) -> None:
        try:
            wanted = read_wanted(item.asked)
            held = part.held.get(wanted.source, 0.0)
            if held > self._clock():
                part.later.append((item, held))
                return
            await self._pace.turn()
            route, lookup = wanted.lookup(self._routes, part.batch.tenant)
            later = self.later.takes(part.batch, route, wanted)
            later = later and not await self._resolver.is_fresh(lookup)
            want = wanted.summary and not later
            await self._resolver.refresh(lookup, Priority.BULK, want_summary=want)
        except BadLookupError as error:
            part.failed(item, Fault("parameter", error.message, error.parameter))
        except UpstreamError as error:
            self._failed(item, wanted.source, error, part)
        else:
            if later:
                part.fetched.append(item.number)
            else:
                part.done.append(Finished(0, item.number, "done"))

    def _failed(self, item: Item, source: str, error: UpstreamError, part: _Part) -> None:
        now = self._clock()
        left = part.batch.created + self._spec.patience - now
        again = wait_after(error, item.tries, left, self._draw())
        if again is None:
            part.failed(item, Fault(error.kind.value, error.message))
            return
        wait, tries = again
        if holds_source(error):
            part.held[source] = now + wait
        part.later.append((replace(item, tries=tries), now + wait))


class _Part:
    """What has become of items since the database was told last."""

    def __init__(self, batch: Batch, store: BatchStore, told: Callable[[], None]) -> None:
        self.batch = batch
        self.done: list[Finished] = []
        self.later: list[tuple[Item, float]] = []
        self.fetched: list[int] = []
        self.held: dict[str, float] = {}
        """Until when a source has no room."""
        self._store = store
        self._told = told
        self._at = asyncio.get_running_loop().time()

    def failed(self, item: Item, fault: Fault) -> None:
        self.done.append(
            Finished(0, item.number, "failed", detail=msgspec.json.encode(fault).decode())
        )

    async def told_in_time(self) -> None:
        now = asyncio.get_running_loop().time()
        if (
            len(self.done) + len(self.later) + len(self.fetched) >= TOLD_AT_ONCE
            or now - self._at >= TOLD_AFTER
        ):
            self._at = now
            await self.tell()

    async def tell(self) -> None:
        done, self.done = self.done, []
        later, self.later = self.later, []
        fetched, self.fetched = self.fetched, []
        if fetched:
            await self._store.move(self.batch.id, fetched, FETCHED, 0.0)
        if later:
            await self._store.postpone(self.batch.id, later)
        if done:
            await self._store.finish(self.batch.id, done)
            self._told()
