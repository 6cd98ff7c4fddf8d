"""What hits are counted in, when they are answered before their request is parsed: in batches."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Final

from gateway.events import Asked, Event, Events, Responded, Served, TierRead
from gateway.metrics.histograms import AGES
from gateway.web.ready import Ready
from storage.eviction import use

FLUSH: Final = 1.0
"""Seconds for which hits are counted before they are told."""
AT_ONCE: Final = 64
"""So many lookups are told of before the loop looks after its connections again."""
_ROUTE: Final = "/v1/search"
_Alike = tuple[str, str, float | None, int]
"""Source, model, what it took, and between which bounds of `AGES` they are old."""


class HitCounts:
    """Counts hits, and tells *events* of them; *clock* gives Unix seconds."""

    def __init__(self, events: Events, clock: Callable[[], float]) -> None:
        self._events = events
        self._clock = clock
        self._hits: dict[str, list[Ready]] = {}
        """By who asked."""
        self._seconds = 0.0
        self._unchanged = 0
        self._untold: Iterator[Event] = iter(())

    def add(self, ready: Ready, tenant: str, seconds: float) -> None:
        """Count an answer to *tenant* that took *seconds*."""
        hits = self._hits.get(tenant)
        if hits is None:
            if not self._hits:
                asyncio.get_running_loop().call_later(FLUSH, self._tell)
            hits = self._hits[tenant] = []
        hits.append(ready)
        self._seconds += seconds

    def unchanged(self) -> None:
        """Count one of them as a 304."""
        self._unchanged += 1

    def flush(self) -> None:
        """Tell at once of all that was counted since the last time."""
        for event in chain(self._untold, self._events_of_batch()):
            self._events.emit(event)
        self._untold = iter(())

    def _tell(self) -> None:
        if self._hits:
            self._untold = chain(self._untold, self._events_of_batch())
            self._tell_some()

    def _tell_some(self) -> None:
        """Tell of some, and of the rest in the next turns: nobody waits for all of them."""
        event = next(self._untold, None)
        if event is not None:
            self._events.emit(event)
            asyncio.get_running_loop().call_soon(self._tell_some)

    def _events_of_batch(self) -> Iterator[Event]:
        hits, self._hits = self._hits, {}
        took, self._seconds = self._seconds, 0.0
        same, self._unchanged = self._unchanged, 0
        return self._all(hits, took, same) if hits else iter(())

    def _all(self, hits: dict[str, list[Ready]], took: float, same: int) -> Iterator[Event]:
        total = sum(map(len, hits.values()))
        seconds = took / total
        yield TierRead("memory", True, seconds, total)
        for status, number in ((200, total - same), (304, same)):
            if number:
                yield Responded(_ROUTE, "GET", status, "memory", seconds, count=number)
        now = self._clock()
        for tenant, theirs in hits.items():
            counted = Counter(theirs)
            yield from _sums(tenant, counted, seconds, now)
            left = iter(counted.items())
            while some := list(islice(left, AT_ONCE)):
                for ready, _ in some:
                    # It was used: what memory has no room for is something else.
                    use(ready.kept)
                yield Asked(tenant, tuple((ready.asked, count) for ready, count in some))


def _sums(tenant: str, counted: Counter[Ready], seconds: float, now: float) -> Iterator[Served]:
    """Yield what *tenant* was served, added up: by what is counted apart of answers."""
    counts: Counter[_Alike] = Counter()
    ages: defaultdict[_Alike, float] = defaultdict(float)
    for ready, count in counted.items():
        age = max(0.0, now - ready.at)
        alike = ready.asked.source, *ready.paid, bisect_left(AGES, age)
        counts[alike] += count
        ages[alike] += age * count
    for alike, count in counts.items():
        source, model, usd, _ = alike
        yield Served(
            source=source,
            key="",
            outcome="hit",
            tier="memory",
            seconds=seconds,
            model=model,
            usd=usd,
            tenant=tenant,
            count=count,
            age=ages[alike] / count,
        )
