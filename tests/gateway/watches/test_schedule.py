from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.watches.schedule import ScheduleError, check_schedule, next_due

NOW = datetime(2026, 11, 21, 12, 30, 10, tzinfo=UTC).timestamp()


def at(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%d %H:%M:%S")


def test_an_interval_counts_from_now() -> None:
    assert next_due("15m", "UTC", NOW) == NOW + 900
    assert next_due("1h30m", "UTC", NOW) == NOW + 5400


@pytest.mark.parametrize(
    ("cron", "zone", "then"),
    [
        ("0 * * * *", "UTC", "21 13:00:00"),
        ("*/5 * * * *", "UTC", "21 12:35:00"),
        ("0 9 * * *", "Asia/Seoul", "22 00:00:00"),
        ("0 9 * * mon-fri", "Asia/Seoul", "23 00:00:00"),
    ],
)
def test_cron_counts_in_its_zone(cron: str, zone: str, then: str) -> None:
    assert at(next_due(cron, zone, NOW)) == then


def test_an_hour_that_a_zone_leaves_out_is_not_waited_for_in_vain() -> None:
    before = datetime(2026, 3, 28, 23, 30, tzinfo=UTC).timestamp()
    assert 0 < next_due("30 2 * * *", "Europe/Berlin", before) - before < 86_400 * 2


@pytest.mark.parametrize(
    ("schedule", "zone"),
    [
        ("", "UTC"),
        ("soon", "UTC"),
        ("10s", "UTC"),
        ("0", "UTC"),
        ("400d", "UTC"),
        ("* * * * * *", "UTC"),
        ("61 * * * *", "UTC"),
        ("0 0 31 2 *", "UTC"),
        ("@hourly", "UTC"),
        ("1" * 200, "UTC"),
        ("15m", "Mars/Olympus"),
        ("15m", "../../etc/passwd"),
    ],
)
def test_what_is_no_schedule_or_too_dense_is_refused(schedule: str, zone: str) -> None:
    with pytest.raises(ScheduleError):
        check_schedule(schedule, zone, 60.0, NOW)


def test_how_dense_it_may_be_is_a_matter_of_configuration() -> None:
    check_schedule("* * * * *", "UTC", 60.0, NOW)
    for schedule in ("*/5 * * * *", "5m", "0,1 0 * * *"):
        with pytest.raises(ScheduleError, match="apart"):
            check_schedule(schedule, "UTC", 600.0, NOW)
    check_schedule("0 9 * * 1", "Asia/Seoul", 600.0, NOW)
