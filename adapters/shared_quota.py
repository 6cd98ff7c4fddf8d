"""A meter whose count all replicas share, and which counts by itself where they cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from adapters.errors import Kind, UpstreamError
from adapters.quota import LocalMeter, allowed, refused, spent

_LATCHES = {kind.value: kind for kind in (Kind.QUOTA_DAY, Kind.QUOTA_SHORT)}


class Counters(Protocol):
    """Where replicas count together."""

    async def take(
        self, name: str, windows: Sequence[tuple[str, int, float, float]], cost: int
    ) -> tuple[str, float, list[int]] | None:
        """Count a call of *name* in all *windows* or in none; None where it cannot be counted.

        A window is its label, limit, length in seconds, and end in Unix seconds where it goes by
        the calendar, else 0. Return the label of what refuses the call (else empty), for how many
        seconds, and how many calls each window has.
        """

    def latch(self, name: str, label: str, seconds: float) -> None:
        """Have every replica refused as *label* for *seconds*."""


class SharedMeter:
    """Asks *counters* before each call. *local* counts along, and stands in for them.

    While they are away each replica keeps the quota by itself: together they may exceed it.
    """

    def __init__(
        self, name: str, local: LocalMeter, counters: Counters, clock: Callable[[], float]
    ) -> None:
        self._name = name
        self._local = local
        self._counters = counters
        self._clock = clock
        self._known: dict[str, tuple[int, int]] = {}

    async def claim(self, cost: int = 1, *, leave: float = 0.0) -> None:
        """Count a call, or raise what `Meter.claim` does."""
        self._local.refuse_latched()
        windows = self._local.windows(self._clock())
        wanted = [
            (label, allowed(limit, leave), span, ends) for label, limit, span, ends in windows
        ]
        said = await self._counters.take(self._name, wanted, cost)
        if said is None:
            self._known.clear()
            self._local.take(cost, leave=leave)
            return
        label, wait, used = said
        self._known = {
            window[0]: (count, window[1]) for window, count in zip(windows, used, strict=False)
        }
        if label in _LATCHES:
            raise spent(_LATCHES[label], wait)
        if label:
            count, limit = self._known.get(label, (0, 0))
            raise refused(label, wait, left=count + cost <= limit)
        self._local.count(cost)

    def exhaust(self, kind: Kind, retry_after: float | None) -> None:
        """Believe the upstream that a quota is spent, and have the other replicas believe it."""
        self._local.exhaust(kind, retry_after)
        try:
            self._local.refuse_latched()
        except UpstreamError as error:
            self._counters.latch(self._name, error.kind.value, error.retry_after or 0.0)

    def usage(self) -> dict[str, tuple[int, int]]:
        """Return used and allowed calls for each window, as of the last call."""
        return self._local.usage() | self._known
