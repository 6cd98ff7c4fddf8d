"""When a failed call is tried again: full jitter, within the time left, under a budget."""

from __future__ import annotations


class RetryBudget:
    """So many retries for so many calls: retries cannot double the load of an outage.

    Every call earns *ratio* of a retry, and at most *burst* are saved up (it begins with as many).
    """

    def __init__(self, ratio: float, burst: int) -> None:
        self._ratio = ratio
        self._burst = float(burst)
        self._saved = float(burst)

    def earn(self) -> None:
        """Count a first try."""
        self._saved = min(self._burst, self._saved + self._ratio)

    def spend(self) -> bool:
        """Take a retry; False when none is left."""
        # Ten times a tenth is a little less than one.
        if self._saved < 1.0 - 1e-9:
            return False
        self._saved -= 1.0
        return True


def backoff(attempt: int, first: float, longest: float, draw: float) -> float:
    """Return the wait before try *attempt* + 2: exponential with full jitter (*draw* in [0, 1])."""
    return draw * min(longest, first * 2.0 ** min(attempt, 30))
