"""What is asked most, by whom: a listener that counts in bounded space and writes behind.

Nothing here is on a lookup's path but one addition to a table. What was counted is added to the
database every `FLUSH_EVERY` seconds, by every replica; who wants to know what is popular reads it
there, as of all of them.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gateway.beside import beside, every
from gateway.events import Asked, Event, Events, Served, TierFailed
from gateway.lookup import Lookup, tenant_of
from gateway.popularity.asking import askable, shown, written
from gateway.popularity.sketch import CAPACITY, Sketch
from gateway.route import Route
from storage.popularity import PopularityStore, PopularRow, weight_at
from storage.tier import TierError

FLUSH_EVERY = 10.0
"""Seconds between two writes: what a crash does not count."""
ROWS = 1_000
"""Rows of one write: the most asked; the others wait until they are more, or forgotten."""
REFRESH_EVERY = 600.0
"""Seconds between two times at which PostgreSQL's readers see what was added."""


class Popularity:
    """Counts what is asked; *clock* gives Unix seconds."""

    def __init__(
        self,
        store: PopularityStore,
        *,
        events: Events,
        clock: Callable[[], float] = time.time,
        capacity: int = CAPACITY,
    ) -> None:
        self._store = store
        self._events = events
        self._clock = clock
        self._sketch = Sketch(capacity)
        self._now = clock()
        self._weight = weight_at(self._now)

    def __call__(self, event: Event) -> None:
        """Count *event* where it is an answer, unless it was made for one person."""
        if isinstance(event, Asked):
            for lookup, count in event.lookups:
                self._add(event.tenant, lookup, count)
        elif isinstance(event, Served) and event.asked is not None:
            self._add(event.tenant or tenant_of(event.key), event.asked, event.count)

    def _add(self, tenant: str, lookup: Lookup, count: int) -> None:
        if not lookup.history:
            self._sketch.add(tenant, lookup, count * self._weight, self._now)

    async def top(
        self, limit: int, routes: Mapping[str, Route], *, tenant: str = "", source: str = ""
    ) -> list[tuple[PopularRow, Lookup]]:
        """Return the *limit* most asked lookups of *tenant* (empty: of all) that *routes* have.

        Raise `TierError`.
        """
        rows = await self._store.top(limit, tenant=tenant, source=source)
        return list(askable(rows, routes))

    async def told(
        self, limit: int, routes: Mapping[str, Route], *, tenant: str = "", source: str = ""
    ) -> list[dict[str, Any]]:
        """Return what `top` does for people: what is asked, and how often of late."""
        now = self._clock()
        top = await self.top(limit, routes, tenant=tenant, source=source)
        return [shown(row, lookup, now) for row, lookup in top]

    async def flush(self) -> None:
        """Add what was counted since the last time to the database; tell of its failure."""
        self._now = self._clock()
        self._weight = weight_at(self._now)
        taken = self._sketch.take(ROWS)
        rows = [
            PopularRow(
                slot.lookup.key,
                slot.tenant,
                slot.lookup.source,
                written(slot.lookup),
                weight,
                slot.since,
            )
            for slot, weight in taken
        ]
        try:
            if rows:
                await self._store.add(rows)
        except TierError as error:
            self._sketch.give_back(taken)
            self._events.emit(TierFailed("popularity", "add", str(error)))

    async def refresh(self) -> None:
        """Have `top` tell of all that was added up to now; tell of failures."""
        try:
            await self._store.refresh()
        except TierError as error:
            self._events.emit(TierFailed("popularity", "refresh", str(error)))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Flush every `FLUSH_EVERY` seconds and at the end; refresh every `REFRESH_EVERY`."""
        flush, refresh = every(FLUSH_EVERY, self.flush), every(REFRESH_EVERY, self.refresh)
        try:
            async with beside(popularity=flush, popular=refresh):
                yield
        finally:
            await self.flush()
