"""When work that nobody waits for may be done."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.quiet_hours import AnyHour, QuietHours, hours_of
from adapters.sources.limits import QuietHoursSpec

NEW_YORK = ZoneInfo("America/New_York")
NCBI = QuietHoursSpec(begin="21:00", until="05:00", zone="America/New_York", weekends=True)
"""api-quirks, NCBI: large jobs at weekends, or between 9 pm and 5 am Eastern time."""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        ("2026-11-18T12:00", 9),  # a Wednesday
        ("2026-11-18T20:59:59", 1 / 3600),
        ("2026-11-18T21:00", 0),
        ("2026-11-19T04:59:59", 0),
        ("2026-11-19T05:00", 16),
        ("2026-11-20T23:00", 0),  # Friday night runs into the weekend
        ("2026-11-21T12:00", 0),
        ("2026-11-22T23:59", 0),
        ("2026-11-23T04:00", 0),
        ("2026-11-23T05:00", 16),
    ],
)
def test_bulk_work_waits_for_the_night_or_the_weekend(now: str, hours: float) -> None:
    assert QuietHours(NCBI).wait(at(now)) == pytest.approx(hours * 3600)


def test_hours_of_one_day_do_not_run_over_midnight() -> None:
    noon = QuietHours(QuietHoursSpec(begin="12:00", until="13:00", zone="America/New_York"))
    assert noon.wait(at("2026-11-18T12:30")) == 0
    assert noon.wait(at("2026-11-18T13:00")) == 23 * 3600


def test_the_clocks_of_the_zone_count_where_they_are_put_forward() -> None:
    # On 2026-03-08 at 2:00 it is 3:00 in New York: the night is an hour shorter.
    morning = QuietHours(QuietHoursSpec(begin="05:00", until="06:00", zone="America/New_York"))
    assert morning.wait(at("2026-03-08T01:00")) == 3 * 3600


@given(now=st.floats(0, 4e9), begin=st.times(), until=st.times(), weekends=st.booleans())
def test_whoever_has_waited_may(now: float, begin: object, until: object, weekends: bool) -> None:
    spec = QuietHoursSpec(begin=str(begin), until=str(until), zone="Asia/Seoul", weekends=weekends)
    hours = QuietHours(spec)
    wait = hours.wait(now)
    assert 0 <= wait <= 86_400
    assert hours.wait(now + wait) == pytest.approx(0, abs=1e-3)


def test_without_hours_any_will_do() -> None:
    assert hours_of(None).wait(at("2026-11-18T12:00")) == AnyHour().wait(0.0) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "9 pm", "until": "05:00"},
        {"from": "21:00", "until": "25:00"},
        {"from": "21:00", "until": "05:00", "zone": "Nowhere/Here"},
        {"from": "21:00", "until": "05:00", "zone": "../etc/passwd"},
        {"from": "21:00"},
    ],
)
def test_hours_that_are_none_are_an_error_of_the_configuration(wrong: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, QuietHoursSpec)
