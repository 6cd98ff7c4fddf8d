"""A time of day in which work may be done that can wait: ``02:00-05:00 Asia/Seoul``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_TEXT = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)(?: ([A-Za-z0-9_+\-/]+))?")


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when, on every day; it may go over midnight."""

    begins: time
    ends: time
    zone: tzinfo = UTC

    def wait(self, now: float) -> float:
        """Return for how many seconds after *now* (Unix) it is closed; 0: it is open."""
        here = datetime.fromtimestamp(now, self.zone)
        if self._open(here.time()):
            return 0.0
        # Added to the wall's clock, which may be set in between; the instants tell how long it is.
        day = here.date() if here.time() < self.begins else here.date() + timedelta(days=1)
        return datetime.combine(day, self.begins, self.zone).timestamp() - now

    def _open(self, at: time) -> bool:
        if self.begins <= self.ends:
            return self.begins <= at < self.ends
        return at >= self.begins or at < self.ends


def read_window(text: str) -> Window | None:
    """Return the window that *text* says; None for an empty one. Raise ValueError."""
    if not text:
        return None
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no window such as 02:00-05:00 Asia/Seoul")
    hours = [int(part) for part in match.groups()[:4]]
    try:
        zone = ZoneInfo(match[5]) if match[5] else UTC
        window = Window(time(hours[0], hours[1]), time(hours[2], hours[3]), zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{text!r}: {error}") from error
    if window.begins == window.ends:
        raise ValueError(f"{text!r} begins when it ends")
    return window
