"""How many of the last calls failed or were slow: what a run of failures alone does not show."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

_BUCKETS = 10
"""A window is forgotten by tenths: its memory does not grow with the calls."""


@dataclass(frozen=True, slots=True)
class Rates:
    """When the shares of failed or slow calls in a window are too much."""

    window: float = 60.0
    """Seconds that are looked back."""
    calls: int = 20
    """With fewer calls in the window no share says anything."""
    failed: float = 0.5
    """This share of failed calls is too much."""
    slow_after: float = math.inf
    """Seconds from which a call counts as slow."""
    slow: float = 0.8
    """This share of slow calls is too much."""


@dataclass(slots=True)
class _Bucket:
    until: float
    calls: int = 0
    failed: int = 0
    slow: int = 0

    def count(self, *, failed: bool, slow: bool) -> None:
        self.calls += 1
        self.failed += failed
        self.slow += slow


class Tally:
    """Counts calls; times are seconds of one clock."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._buckets: deque[_Bucket] = deque()
        self._sum = _Bucket(math.inf)
        """Of all buckets."""

    def add(self, now: float, seconds: float, *, failed: bool) -> None:
        """Count a call that ended at *now* after *seconds*."""
        self._forget(now)
        if not self._buckets or now >= self._buckets[-1].until:
            self._buckets.append(_Bucket(now + self._rates.window / _BUCKETS))
        slow = seconds >= self._rates.slow_after
        self._buckets[-1].count(failed=failed, slow=slow)
        self._sum.count(failed=failed, slow=slow)

    def exceeded(self, now: float) -> bool:
        """Whether enough calls are in the window and too many of them failed or were slow."""
        self._forget(now)
        found, rates = self._sum, self._rates
        if found.calls < max(1, rates.calls):
            return False
        return found.failed >= rates.failed * found.calls or found.slow >= rates.slow * found.calls

    def clear(self) -> None:
        """Forget everything."""
        self._buckets.clear()
        self._sum = _Bucket(math.inf)

    def _forget(self, now: float) -> None:
        while self._buckets and self._buckets[0].until <= now - self._rates.window:
            old, found = self._buckets.popleft(), self._sum
            found.calls -= old.calls
            found.failed -= old.failed
            found.slow -= old.slow
