"""How the gateway has done since it started: a listener that counts.

It keeps sums and histograms of fixed size, whatever it is told of: tiers, outcomes and kinds of
failure are few, and keys are not kept.
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.events import ByKind, Failed, Served, TierFailed, TierRead, TiersRaced

_LEAST = 1e-6
"""Seconds; what is quicker counts as that."""
_MOST = 1000.0
_GROWTH = 1.1
"""Each bucket is so much wider than the one before: a percentile is at most 5 % off."""
_log = math.log
_SCALE = 1 / math.log(_GROWTH)
_BUCKETS = int(math.log(_MOST / _LEAST) * _SCALE) + 1


class Latencies:
    """Seconds, counted in buckets that widen."""

    __slots__ = ("_buckets", "count")

    def __init__(self) -> None:
        self.count = 0
        self._buckets = [0] * _BUCKETS

    def add(self, seconds: float, count: int = 1) -> None:
        """Count *seconds*, *count* times."""
        # Without max() and min(), which take as long as all the rest of it.
        index = int(_log(seconds / _LEAST) * _SCALE) if seconds > _LEAST else 0
        self._buckets[index if index < _BUCKETS else -1] += count
        self.count += count

    def percentile(self, share: float) -> float | None:
        """Return the seconds that *share* of what was counted did not exceed; None: no count."""
        wanted = share * self.count
        passed = 0
        for index, number in enumerate(self._buckets):
            passed += number
            if number and passed >= wanted:
                return float(_LEAST * _GROWTH ** (index + 0.5))
        return None


@dataclass(slots=True)
class RaceCounts:
    """How a tier did where another was asked at the same time."""

    races: int = 0
    wins: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    """What it took, or for how long it was waited for."""


@dataclass(slots=True)
class TierCounts:
    """What a tier was asked, and how it did."""

    hits: int = 0
    misses: int = 0
    failures: int = 0
    """Operations that it could not do; reads among them are misses too."""
    latencies: Latencies = field(default_factory=Latencies)

    @property
    def hit_ratio(self) -> float | None:
        """The share of reads that found something; None before the first."""
        reads = self.hits + self.misses
        return self.hits / reads if reads else None


class Statistics(ByKind):
    """Counts what events tell; *clock* is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self.tiers: defaultdict[str, TierCounts] = defaultdict(TierCounts)
        self.outcomes: Counter[str] = Counter()
        """How lookups were answered: ``hit``, ``stale``, ``miss``, ``collapsed``, ``similar``."""
        self.failures: Counter[str] = Counter()
        """Why lookups were not, by the kind of the error."""
        self.answers = Latencies()
        self.races: defaultdict[str, RaceCounts] = defaultdict(RaceCounts)
        super().__init__(
            {
                TierRead: self._read,
                Served: self._served,
                Failed: self._failed,
                TierFailed: self._tier_failed,
                TiersRaced: self._raced,
            }
        )

    @property
    def uptime(self) -> float:
        """Seconds since it began to count."""
        return self._clock() - self._started

    def _read(self, event: TierRead) -> None:
        counts = self.tiers[event.tier]
        counts.latencies.add(event.seconds, event.count)
        if event.hit:
            counts.hits += event.count
        else:
            counts.misses += event.count

    def _served(self, event: Served) -> None:
        self.outcomes[event.outcome] += event.count
        self.answers.add(event.seconds, event.count)

    def _failed(self, event: Failed) -> None:
        self.failures[event.kind] += 1

    def _raced(self, event: TiersRaced) -> None:
        for tier, seconds in event.seconds:
            counts = self.races[tier]
            counts.races += 1
            counts.wins += event.winner == tier
            counts.latencies.add(seconds)

    def _tier_failed(self, event: TierFailed) -> None:
        self.tiers[event.tier].failures += 1
