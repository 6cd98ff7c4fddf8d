"""When an upstream wants work that nobody waits for: at night, at weekends; pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from adapters.sources.limits import QuietHoursSpec

_SATURDAY, _SUNDAY = 5, 6
_DAYS = range(-1, 9)
"""Those in which the next window begins at the latest, yesterday's night included."""


class Hours(Protocol):
    """When work that nobody waits for may be done."""

    def wait(self, now: float) -> float:
        """Return the seconds from *now* (Unix) until it may be."""


class AnyHour:
    """An upstream that does not mind."""

    def wait(self, now: float) -> float:
        """Return 0."""
        del now
        return 0.0


class QuietHours:
    """The hours that *spec* names, by the clocks of its zone: an hour more or less twice a year."""

    def __init__(self, spec: QuietHoursSpec) -> None:
        self._zone = ZoneInfo(spec.zone)
        self._begin, self._end = spec.times
        self._weekends = spec.weekends

    def wait(self, now: float) -> float:
        """Return the seconds from *now* (Unix) until the next of them, 0 within."""
        ahead = (begin - now for begin, end in self._windows(now) if now < end)
        return max(0.0, min(ahead))

    def _windows(self, now: float) -> Iterator[tuple[float, float]]:
        today = datetime.fromtimestamp(now, self._zone).date()
        for number in _DAYS:
            day = today + timedelta(days=number)
            over_midnight = timedelta(days=1 if self._end <= self._begin else 0)
            begin = datetime.combine(day, self._begin, self._zone)
            end = datetime.combine(day + over_midnight, self._end, self._zone)
            yield begin.timestamp(), end.timestamp()
            if self._weekends and day.weekday() in (_SATURDAY, _SUNDAY):
                begin = datetime.combine(day, time(), self._zone)
                end = datetime.combine(day + timedelta(days=1), time(), self._zone)
                yield begin.timestamp(), end.timestamp()


def hours_of(spec: QuietHoursSpec | None) -> Hours:
    """Return the hours that *spec* names; without one, any."""
    return AnyHour() if spec is None else QuietHours(spec)
