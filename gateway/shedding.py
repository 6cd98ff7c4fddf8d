"""Load is shed before the process is overwhelmed: misses first, quickly, while hits go on.

What a fetch takes beyond the time of its upstream and of its model is the gateway's own: with
more to do than it can, that time grows, for threads, tiers and the event loop stand in one line.
While it is longer than it should be, fewer fetches may be in progress at once; while it is not,
more may (additive increase, multiplicative decrease). Those beyond are refused at once. An
upstream that is slow by itself changes nothing here: its own limits mind it.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapters.errors import Kind, UpstreamError
from adapters.sources.units import Duration, Spec, seconds
from storage.entry import Entry

INTERVAL = 0.1
"""Seconds between two changes."""
AT_FIRST, LEAST, MOST = 100.0, 8.0, 10_000.0
"""Fetches for callers that may be in progress at once."""
_FEWER, _MORE = 0.8, 1.05
_RETRY_AFTER = 1.0


class SheddingSpec(Spec, frozen=True, kw_only=True):
    """``shedding:``, when the process itself has too much to do."""

    delay: Duration = seconds(0.25)
    """How long a fetch may take beyond its upstream's time before new ones are refused; 0: none
    is ever."""


class Shedding:
    """How many fetches may be in progress; pure: *clock* is monotonic, in seconds."""

    def __init__(
        self, spec: SheddingSpec | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._delay = float((spec or SheddingSpec()).delay)
        self._clock = clock
        self._limit = AT_FIRST if self._delay else math.inf
        self._since = clock()
        self._own: list[float] = []
        self._most = 0
        self.in_progress = 0
        """Fetches that callers wait for now."""
        self.refused = 0
        """Fetches that were refused."""

    @property
    def limit(self) -> float:
        """How many fetches may be in progress now."""
        return self._limit

    @property
    def pressed(self) -> bool:
        """Whether there is no room: what nobody waits for should not begin now."""
        return self.in_progress >= self._limit

    @contextmanager
    def place(self, *, joins: bool) -> Iterator[None]:
        """Hold a place for a fetch, unless it *joins* one that is in progress.

        Raise `UpstreamError` of kind OVERLOADED at once if there is none.
        """
        if joins:
            yield
            return
        if self.pressed:
            self.refused += 1
            raise UpstreamError(
                Kind.OVERLOADED, "the gateway has too much to do", retry_after=_RETRY_AFTER
            )
        self.in_progress += 1
        self._most = max(self._most, self.in_progress)
        try:
            yield
        finally:
            self.in_progress -= 1

    def landed(self, entry: Entry, took: float) -> None:
        """Take in that the fetch of *entry* took *took* seconds, with everything about it."""
        others = entry.records.cost + (0.0 if entry.summary is None else entry.summary.cost)
        self._own.append(max(0.0, took - others))
        now = self._clock()
        if self._delay and now - self._since >= INTERVAL:
            self._since = now
            self._change()

    def _change(self) -> None:
        own, self._own = statistics.median(self._own), []
        most, self._most = self._most, self.in_progress
        if own > self._delay:
            self._limit = max(LEAST, min(self._limit, most) * _FEWER)
        elif most > self._limit / 2:  # else nothing is known of more
            self._limit = min(MOST, self._limit * _MORE + 1)
