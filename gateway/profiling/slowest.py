"""The slowest routes and keys: a listener that keeps few numbers, whatever it is told of."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter

import msgspec

from gateway.events import Event, Responded, Served
from gateway.statistics import Latencies

MOST_KEYS = 20
_SECONDS = attrgetter("seconds")
SPAN = 3600.0
"""Seconds after which a slow key is forgotten."""


@dataclass(slots=True)
class RouteTimes:
    """How a route does."""

    latencies: Latencies = field(default_factory=Latencies)
    slowest: float = 0.0
    """Seconds."""
    queries: int = 0
    """Questions to the database, all together."""
    most_queries: int = 0
    """For one request."""


class SlowKey(msgspec.Struct, frozen=True):
    """A lookup that took long."""

    key: str
    source: str
    tenant: str
    """Who asked; empty: whose answer it is."""
    outcome: str
    seconds: float
    at: float
    """Unix seconds."""


class Slowest:
    """Listens; *clock* gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._keys: dict[str, SlowKey] = {}
        self._least = 0.0
        """What a key must exceed to be kept, now that there are enough."""
        self.routes: defaultdict[str, RouteTimes] = defaultdict(RouteTimes)

    def __call__(self, event: Event) -> None:
        """Note *event*."""
        if isinstance(event, Served):
            if event.key and event.seconds > self._least:
                self._note(event)
        elif isinstance(event, Responded):
            self._responded(event)

    def lookups(self) -> list[SlowKey]:
        """Return the slowest lookups of the last `SPAN` seconds, the slowest first."""
        self._cut()
        return [*self._keys.values()]

    def _responded(self, event: Responded) -> None:
        route = self.routes[event.route]
        route.latencies.add(event.seconds, event.count)
        route.slowest = max(route.slowest, event.seconds)
        route.queries += event.queries * event.count
        route.most_queries = max(route.most_queries, event.queries)

    def _note(self, event: Served) -> None:
        known = self._keys.get(event.key)
        if known is not None and known.seconds >= event.seconds:
            return
        self._keys[event.key] = SlowKey(
            event.key, event.source, event.tenant, event.outcome, event.seconds, self._clock()
        )
        if len(self._keys) >= 2 * MOST_KEYS:  # one sorting for so many, not one for each
            self._cut()

    def _cut(self) -> None:
        """Keep the slowest `MOST_KEYS` of the last `SPAN` seconds, the slowest first."""
        old = self._clock() - SPAN
        recent = [each for each in self._keys.values() if each.at >= old]
        slowest = sorted(recent, key=_SECONDS, reverse=True)[:MOST_KEYS]
        self._keys = {each.key: each for each in slowest}
        self._least = slowest[-1].seconds if len(slowest) == MOST_KEYS else 0.0
