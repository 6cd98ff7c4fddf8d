"""When a watch is due: an interval such as ``15m``, or a cron expression; pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError, croniter

from adapters.sources.units import parse_duration

MAX_TEXT = 100
"""Characters of a schedule."""
LONGEST = 366 * 86_400.0
_FIELDS = 5
"""Minute, hour, day of month, month, day of week."""
_CHECKED = 20
"""So many times of a cron expression are looked at to see how close they are."""


class ScheduleError(ValueError):
    """A schedule that is none, or too dense; the message says what is wanted."""

    member = "schedule"
    """The member of a watch that is wrong."""


class ZoneError(ScheduleError):
    """A time zone that is none."""

    member = "zone"


def check_schedule(schedule: str, zone: str, least: float, now: float) -> None:
    """Raise `ScheduleError` unless *schedule* has times, at least *least* seconds apart."""
    if len(schedule) > MAX_TEXT:
        raise ScheduleError(f"at most {MAX_TEXT} characters")
    zone_of(zone)
    if _is_cron(schedule):
        at, apart = now, LONGEST
        for _ in range(_CHECKED):
            following = next_due(schedule, zone, at)
            # The first one may be any moment from now.
            apart = apart if at == now else min(apart, following - at)
            at = following
    else:
        apart = _interval(schedule)
    if apart < least:
        raise ScheduleError(f"it comes every {apart:g} s; {least:g} s apart is allowed")
    if apart > LONGEST:
        raise ScheduleError("it comes less than once a year")


def next_due(schedule: str, zone: str, now: float) -> float:
    """Return when *schedule* comes next after *now* (Unix seconds); raise `ScheduleError`."""
    if not _is_cron(schedule):
        return now + _interval(schedule)
    here = datetime.fromtimestamp(now, zone_of(zone))
    try:
        following: datetime = croniter(schedule, here).get_next(datetime)
    except (CroniterError, ValueError, KeyError) as error:
        raise ScheduleError(
            f"{schedule!r} is no cron expression of five fields that ever comes"
        ) from error
    return following.timestamp()


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of that *name*; raise `ZoneError`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ZoneError(f"{name!r} is no time zone such as Asia/Seoul") from error


def _is_cron(schedule: str) -> bool:
    return len(schedule.split()) == _FIELDS


def _interval(schedule: str) -> float:
    try:
        return parse_duration(schedule)
    except ValueError as error:
        wanted = "an interval such as 15m, or the five fields of cron"
        raise ScheduleError(f"{schedule!r} is neither {wanted}") from error
