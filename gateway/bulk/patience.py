"""Whether a lookup of a batch that failed is tried again, and when; pure."""

from __future__ import annotations

import math

from adapters.errors import Kind, UpstreamError
from adapters.retries import backoff

TRIES = 5
"""Failures of a lookup itself; waiting for a quota, a circuit or room is none."""
FIRST_WAIT = 10.0
"""Seconds: the first wait's upper bound, which doubles with each failure."""
_LEAST_WAIT = 1.0
_HOPELESS = frozenset({Kind.INVALID_INPUT, Kind.AUTH_CONFIG, Kind.NOT_APPROVED, Kind.MISCONFIGURED})
_BUSY = frozenset({Kind.QUOTA_DAY, Kind.QUOTA_SHORT, Kind.CIRCUIT_OPEN, Kind.OVERLOADED})
"""Nothing was asked: it is the source that has no room, for whatever is asked."""


def holds_source(error: UpstreamError) -> bool:
    """Whether other lookups of the same source need not be tried before this one."""
    return error.kind in _BUSY


def wait_after(
    error: UpstreamError, tries: int, left: float, draw: float
) -> tuple[float, int] | None:
    """Return for how many seconds a lookup waits, and how often it has failed then.

    None: it is given up, because another try would not help or comes after the *left* seconds of
    its batch's patience. *tries* failed before this one; *draw* is from 0 to 1.
    """
    if error.kind in _HOPELESS:
        return None
    busy = error.kind in _BUSY
    if busy and error.retry_after is not None:
        wait = error.retry_after
    else:
        doubled = backoff(tries, FIRST_WAIT, math.inf, (1 + draw) / 2)
        wait = max(error.retry_after or 0.0, doubled)
    failures = tries if busy else tries + 1
    if failures >= TRIES or wait > left:
        return None
    return max(wait, _LEAST_WAIT), failures
