"""Quotas: several windows at once, rolling or by the calendar of a zone, and a latch."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from adapters.errors import Kind, UpstreamError
from adapters.sources.limits import QuotaSpec

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "month": 30 * 86_400}
LONG = ("day", "month")
"""Windows that nobody waits for."""
_LEAST_WAIT = 1e-6
"""Seconds."""
_LATCH = 3600.0
"""Seconds for which a spent quota is believed, where no calendar window says until when."""


class Meter(Protocol):
    """Counts the calls of one upstream."""

    async def claim(self, cost: int = 1, *, leave: float = 0.0) -> None:
        """Count a call; raise ``QUOTA_SHORT`` or ``QUOTA_DAY`` when it would be one too many.

        Who is to *leave* a share of each window to others gets ``OVERLOADED`` when what remains
        of a long one is theirs.
        """

    def exhaust(self, kind: Kind, retry_after: float | None) -> None:
        """Believe the upstream that a quota is spent, for *retry_after* seconds or its day."""

    def usage(self) -> dict[str, tuple[int, int]]:
        """Return used and allowed calls for each window."""


class _Rolling:
    """The last second, minute, …: each call is forgotten when it is that old."""

    def __init__(self, spec: QuotaSpec) -> None:
        self.spec = spec
        self._span = _SECONDS[spec.per]
        self._calls: deque[tuple[float, int]] = deque()
        self._used = 0

    def wait(self, now: float, cost: int, limit: int) -> float:
        while self._calls and self._calls[0][0] <= now - self._span:
            self._used -= self._calls.popleft()[1]
        if self._used + cost <= limit or not self._calls:
            return 0.0
        # Rounding may leave nothing of a wait that is not over.
        return max(self._calls[0][0] + self._span - now, _LEAST_WAIT)

    def take(self, now: float, cost: int) -> None:
        self._calls.append((now, cost))
        self._used += cost

    @property
    def used(self) -> int:
        return self._used


class _Calendar:
    """The current second, …, month of a zone: at its end everything is forgotten."""

    def __init__(self, spec: QuotaSpec) -> None:
        self.spec = spec
        self._zone = ZoneInfo(spec.zone)
        self._ends = 0.0
        self.used = 0

    def wait(self, now: float, cost: int, limit: int) -> float:
        if now >= self._ends:
            self._ends = self.end_after(now)
            self.used = 0
        return 0.0 if self.used + cost <= limit else self._ends - now

    def take(self, now: float, cost: int) -> None:
        del now
        self.used += cost

    def end_after(self, now: float) -> float:
        return window_end(now, self.spec.per, self._zone)


def window_end(now: float, per: str, zone: ZoneInfo) -> float:
    """Return when the calendar window of *zone* that holds *now* ends, in Unix seconds."""
    if per in ("second", "minute", "hour"):
        span = _SECONDS[per]
        return math.floor(now / span) * span + span
    midnight = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if per == "day":
        return (midnight + timedelta(days=1)).timestamp()
    return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1).timestamp()


class LocalMeter:
    """A meter of this process."""

    def __init__(self, quotas: Sequence[QuotaSpec], clock: Callable[[], float]) -> None:
        """Count by *clock*, Unix seconds."""
        self._windows = [
            _Calendar(quota) if quota.window == "calendar" else _Rolling(quota) for quota in quotas
        ]
        self._clock = clock
        self._latched_until = 0.0
        self._latched_as = Kind.QUOTA_DAY

    async def claim(self, cost: int = 1, *, leave: float = 0.0) -> None:
        """Do as `take` does."""
        self.take(cost, leave=leave)

    def refuse_latched(self) -> None:
        """Raise what was believed of the upstream, while it is."""
        if not self._latched_until:
            return
        now = self._clock()
        if now < self._latched_until:
            raise spent(self._latched_as, self._latched_until - now)

    def take(self, cost: int = 1, *, leave: float = 0.0) -> None:
        """Count a call, or raise what `Meter.claim` does."""
        self.refuse_latched()
        if not self._windows:
            return
        now = self._clock()
        waits = [
            (window.wait(now, cost, allowed(window.spec.limit, leave)), window)
            for window in self._windows
        ]
        longest, window = max(waits, key=lambda pair: pair[0], default=(0.0, None))
        if window is not None and longest > 0:
            raise refused(window.spec.per, longest, left=window.used + cost <= window.spec.limit)
        self.count(cost)

    def count(self, cost: int) -> None:
        """Count a call that somebody else has allowed."""
        now = self._clock()
        for window in self._windows:
            window.wait(now, 0, window.spec.limit)
            window.take(now, cost)

    def windows(self, now: float) -> list[tuple[str, int, float, float]]:
        """Return each window: its label, limit, length, and end where the calendar has one."""
        return [
            (
                window.spec.per,
                window.spec.limit,
                float(_SECONDS[window.spec.per]),
                window.end_after(now) if isinstance(window, _Calendar) else 0.0,
            )
            for window in self._windows
        ]

    def exhaust(self, kind: Kind, retry_after: float | None) -> None:
        """Refuse calls for *retry_after* seconds, else until the day of its quota ends."""
        now = self._clock()
        ends = [
            window.end_after(now)
            for window in self._windows
            if isinstance(window, _Calendar) and window.spec.per in LONG
        ]
        until = min(ends, default=now + _LATCH) if retry_after is None else now + retry_after
        if until > self._latched_until:
            self._latched_until, self._latched_as = until, kind

    def usage(self) -> dict[str, tuple[int, int]]:
        """Return used and allowed calls for each window."""
        now = self._clock()
        usage: dict[str, tuple[int, int]] = {}
        for window in self._windows:
            window.wait(now, 0, window.spec.limit)
            usage[window.spec.per] = (window.used, window.spec.limit)
        return usage


def spent(kind: Kind, wait: float) -> UpstreamError:
    """Return the error of a call that must wait for *wait* seconds."""
    title = "the quota of this source is spent" if kind is Kind.QUOTA_DAY else "too many calls"
    return UpstreamError(kind, title, retry_after=wait)


def allowed(limit: int, leave: float) -> int:
    """Return how much of *limit* is there for those who *leave* a share of it to others."""
    return max(1, math.floor(limit * (1.0 - leave)))


def refused(per: str, wait: float, *, left: bool) -> UpstreamError:
    """Return the error of a call that a window refuses for *wait* seconds; *left*: not to all."""
    if per not in LONG:
        return spent(Kind.QUOTA_SHORT, wait)
    if left:
        # A caller may still ask: nobody else is to be told that the quota is spent.
        title = "what is left of the quota is for callers"
        return UpstreamError(Kind.OVERLOADED, title, retry_after=wait)
    return spent(Kind.QUOTA_DAY, wait)
