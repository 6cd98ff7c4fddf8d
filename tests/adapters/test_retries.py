from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.retries import REFILL, RetryBudget, backoff
from tests.clocks import ManualClock


@given(
    st.lists(st.booleans() | st.floats(0, 30), max_size=300), st.floats(0, 1), st.integers(0, 20)
)
def test_retries_are_never_more_than_their_share_of_calls_and_of_time(
    story: list[bool | float], ratio: float, burst: int
) -> None:
    clock = ManualClock(0.0)
    budget, calls, retries = RetryBudget(ratio, burst, clock), 0, 0
    for what in story:
        if what is True:
            retries += budget.spend()
        elif what is False:
            calls += 1
            budget.earn()
        else:
            clock.advance(what)
        allowed = max(burst, 1) + ratio * calls + burst * clock.now / REFILL
        assert retries <= allowed + 1e-6


def test_an_outage_is_met_with_a_tenth_more_load_and_not_with_three_times_as_much() -> None:
    budget, calls = RetryBudget(0.1, 10, ManualClock()), 0
    for _ in range(1000):
        budget.earn()
        calls += 1
        calls += sum(budget.spend() for _ in range(2))
    assert 1100 <= calls <= 1110


def test_few_calls_may_all_be_tried_again() -> None:
    clock = ManualClock()
    budget = RetryBudget(0.0, 10, clock)
    for _ in range(100):
        assert budget.spend()
        clock.advance(1)


def test_without_a_burst_the_ratio_alone_gives_retries() -> None:
    budget = RetryBudget(0.5, 0, ManualClock())
    budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()


@given(st.integers(0, 200), st.floats(0, 1), st.floats(0.001, 10), st.floats(0.001, 100))
def test_a_wait_is_within_its_bounds(
    attempt: int, draw: float, first: float, longest: float
) -> None:
    wait = backoff(attempt, first, longest, draw)
    assert 0 <= wait <= longest
    assert wait <= first * 2**attempt


def test_however_long_nothing_was_asked_no_more_than_a_burst_is_saved_up() -> None:
    clock = ManualClock()
    budget = RetryBudget(0.1, 3, clock)
    clock.advance(1e6)
    assert [budget.spend() for _ in range(5)] == [True, True, True, False, False]
    clock.advance(REFILL / 3 + 0.001)
    assert [budget.spend() for _ in range(2)] == [True, False]


def test_ten_calls_that_earn_a_tenth_each_earn_one_retry() -> None:
    budget = RetryBudget(0.1, 0, ManualClock())
    for _ in range(10):
        budget.earn()
    assert budget.spend()


def test_half_of_what_is_saved_is_for_callers_alone() -> None:
    budget = RetryBudget(0.0, 6, ManualClock())
    assert [budget.spend(urgent=False) for _ in range(4)] == [True, True, True, False]
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]


def test_jitter_is_full() -> None:
    assert [backoff(2, 1.0, 100.0, draw) for draw in (0.0, 0.5, 1.0)] == [0.0, 2.0, 4.0]
