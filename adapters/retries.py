"""When a failed call is tried again: full jitter, within the time left, under a budget."""

from __future__ import annotations

from collections.abc import Callable

REFILL = 10.0
"""Seconds in which a whole burst is earned anew: few calls may all be tried again."""


class RetryBudget:
    """So many retries for so many calls: retries cannot double the load of an outage.

    Every call earns *ratio* of a retry and time earns *burst* of them in `REFILL` seconds of
    *clock*; at most *burst* are saved up, and it begins with as many.
    """

    def __init__(self, ratio: float, burst: int, clock: Callable[[], float]) -> None:
        self._ratio = ratio
        self._burst = float(burst)
        self._clock = clock
        self._saved = float(burst)
        self._most = max(self._burst, 1.0)
        self._at = clock()

    def earn(self) -> None:
        """Count a first try."""
        if self._saved < self._most:  # who has all has no more after any time
            self._save(self._ratio)

    def spend(self, *, urgent: bool = True) -> bool:
        """Take a retry; False when none is left, or only the half that is for the *urgent*."""
        self._save(0.0)
        left = self._saved if urgent else self._saved - self._burst / 2
        # Ten times a tenth is a little less than one.
        if left < 1.0 - 1e-9:
            return False
        self._saved -= 1.0
        return True

    def _save(self, more: float) -> None:
        now = self._clock()
        passed = max(0.0, now - self._at)
        self._at = now
        self._saved = min(self._most, self._saved + more + passed * self._burst / REFILL)


def backoff(attempt: int, first: float, longest: float, draw: float) -> float:
    """Return the wait before try *attempt* + 2: exponential with full jitter (*draw* in [0, 1])."""
    return draw * min(longest, first * 2.0 ** min(attempt, 30))
