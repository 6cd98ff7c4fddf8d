"""The arithmetic of a quota."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.rates.cell_rate import after, left, reset


def test_who_has_been_silent_begins_at_the_clock() -> None:
    assert after(3.0, 100.0, 2.0) == 102.0


def test_who_asks_at_once_again_is_due_later_each_time() -> None:
    due = after(0.0, 100.0, 2.0)
    assert after(due, 100.0, 2.0) == 104.0


@given(requests=st.integers(1, 10_000), seconds=st.integers(1, 86_400))
def test_each_request_of_a_window_takes_one_of_what_is_left(requests: int, seconds: int) -> None:
    apart = seconds / requests
    assert left(0.0, seconds, apart) == requests
    assert left(apart, seconds, apart) == requests - 1
    assert left(seconds, seconds, apart) == 0


def test_all_of_it_is_there_again_in_whole_seconds_and_within_the_window() -> None:
    assert reset(0.2, 60.0) == 1
    assert reset(59.0, 60.0) == 59
    assert reset(60.00001, 60.0) == 60
