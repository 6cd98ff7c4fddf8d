from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.quota import LocalMeter, window_end
from adapters.sources.limits import QuotaSpec

NOON = datetime(2026, 11, 21, 3, 0, tzinfo=UTC).timestamp()
"""Noon in Seoul."""


class Clock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def refused(meter: LocalMeter) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        meter.take()
    return caught.value


def test_a_rolling_window_refuses_one_too_many_and_says_how_long() -> None:
    clock = Clock()
    meter = LocalMeter([QuotaSpec(limit=2, per="second")], clock)
    meter.take()
    clock.now += 0.4
    meter.take()
    error = refused(meter)
    assert error.kind is Kind.QUOTA_SHORT
    assert error.retry_after == pytest.approx(0.6)
    clock.now += 0.6
    meter.take()


def test_a_day_in_seoul_ends_at_midnight_in_seoul() -> None:
    clock = Clock()
    meter = LocalMeter([QuotaSpec(limit=1, per="day", window="calendar", zone="Asia/Seoul")], clock)
    meter.take()
    error = refused(meter)
    assert error.kind is Kind.QUOTA_DAY
    assert error.retry_after == 12 * 3600
    clock.now += 12 * 3600
    meter.take()


def test_several_windows_hold_at_once_and_a_refused_call_counts_in_none() -> None:
    clock = Clock()
    meter = LocalMeter([QuotaSpec(limit=1, per="second"), QuotaSpec(limit=3, per="minute")], clock)
    meter.take()
    refused(meter)
    assert meter.usage() == {"second": (1, 1), "minute": (1, 3)}
    for _ in range(2):
        clock.now += 1
        meter.take()
    clock.now += 1
    assert refused(meter).retry_after == pytest.approx(57)


def test_a_call_may_weigh_more_than_one() -> None:
    meter = LocalMeter([QuotaSpec(limit=10, per="minute")], Clock())
    meter.take(8)
    with pytest.raises(UpstreamError):
        meter.take(3)
    meter.take(2)


def test_a_spent_quota_is_latched_until_the_calendar_says_otherwise() -> None:
    clock = Clock()
    meter = LocalMeter(
        [QuotaSpec(limit=10_000, per="day", window="calendar", zone="Asia/Seoul")], clock
    )
    meter.exhaust(Kind.QUOTA_DAY, None)
    assert refused(meter).kind is Kind.QUOTA_DAY
    clock.now += 12 * 3600 - 1
    refused(meter)
    clock.now += 1
    meter.take()


def test_a_latch_lasts_as_long_as_the_upstream_says() -> None:
    clock = Clock()
    meter = LocalMeter([], clock)
    meter.exhaust(Kind.QUOTA_SHORT, 30)
    error = refused(meter)
    assert (error.kind, error.retry_after) == (Kind.QUOTA_SHORT, 30)
    clock.now += 30
    meter.take()


def test_months_and_minutes_end_where_the_calendar_says() -> None:
    seoul = ZoneInfo("Asia/Seoul")
    december = datetime(2026, 12, 1, tzinfo=seoul).timestamp()
    assert window_end(NOON, "month", seoul) == december
    assert window_end(NOON + 61.5, "minute", seoul) == NOON + 120


def test_who_leaves_a_share_to_others_is_refused_earlier_and_the_others_are_not() -> None:
    meter = LocalMeter([QuotaSpec(limit=10, per="day", window="calendar")], Clock())
    for _ in range(8):
        meter.take(leave=0.2)
    with pytest.raises(UpstreamError) as caught:
        meter.take(leave=0.2)
    # Not the error of a spent quota, which callers would be given as well.
    assert caught.value.kind is Kind.OVERLOADED
    assert caught.value.retry_after is not None
    meter.take()
    meter.take()
    assert refused(meter).kind is Kind.QUOTA_DAY


@pytest.mark.parametrize("window", ["rolling", "calendar"])
def test_of_the_smallest_quota_bulk_work_has_one_call(
    window: Literal["rolling", "calendar"],
) -> None:
    meter = LocalMeter([QuotaSpec(limit=1, per="minute", window=window)], Clock())
    meter.take(leave=0.9)
    with pytest.raises(UpstreamError) as caught:
        meter.take(leave=0.9)
    assert caught.value.kind is Kind.QUOTA_SHORT


def test_what_weighs_more_than_all_of_a_window_has_it_to_itself() -> None:
    clock = Clock()
    meter = LocalMeter([QuotaSpec(limit=10, per="minute")], clock)
    meter.take(12)
    refused(meter)
    clock.now += 60
    meter.take()


def test_what_an_upstream_says_later_makes_no_wait_shorter() -> None:
    meter = LocalMeter([], Clock())
    meter.exhaust(Kind.QUOTA_DAY, 100)
    meter.exhaust(Kind.QUOTA_SHORT, 5)
    assert (refused(meter).kind, refused(meter).retry_after) == (Kind.QUOTA_DAY, 100)


def test_a_spent_quota_is_believed_until_the_first_of_its_long_windows_ends() -> None:
    long = [QuotaSpec(limit=9, per=per, window="calendar", zone="Asia/Seoul") for per in _LONG]
    meter = LocalMeter(long, Clock())
    meter.exhaust(Kind.QUOTA_DAY, None)
    assert refused(meter).retry_after == 12 * 3600


_LONG: tuple[Literal["month", "day"], ...] = ("month", "day")
