from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.window import read_window


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("window", "now", "wait"),
    [
        ("02:00-05:00", "2026-11-21T02:00:00", 0),
        ("02:00-05:00", "2026-11-21T04:59:59", 0),
        ("02:00-05:00", "2026-11-21T05:00:00", 21 * 3600),
        ("02:00-05:00", "2026-11-21T01:30:00", 1800),
        ("22:30-05:00", "2026-11-21T23:00:00", 0),
        ("22:30-05:00", "2026-11-21T04:00:00", 0),
        ("22:30-05:00", "2026-11-21T12:30:00", 10 * 3600),
        ("02:00-05:00 Asia/Seoul", "2026-11-21T17:30:00", 0),
        ("02:00-05:00 Asia/Seoul", "2026-11-21T16:00:00", 3600),
    ],
)
def test_it_is_waited_for_until_it_opens(window: str, now: str, wait: float) -> None:
    found = read_window(window)
    assert found is not None
    assert found.wait(at(now)) == wait


def test_a_night_in_which_the_clock_is_set_is_as_long_as_it_is() -> None:
    found = read_window("06:00-07:00 Europe/Berlin")
    assert found is not None
    assert found.wait(at("2026-03-28T23:00:00", "Europe/Berlin")) == 6 * 3600
    assert found.wait(datetime(2026, 3, 29, 5, 0, tzinfo=UTC).timestamp()) == 23 * 3600


def test_no_text_is_no_window() -> None:
    assert read_window("") is None


@pytest.mark.parametrize(
    "text", ["2-5", "02:00-25:00", "02:00-02:00", "02:00-05:00 Moon/Base", "02:00-05:00 ../etc"]
)
def test_what_is_no_window_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=text.split()[0]):
        read_window(text)
