from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.retries import RetryBudget, backoff


@given(st.lists(st.booleans(), max_size=300), st.floats(0, 1), st.integers(0, 20))
def test_retries_are_never_more_than_the_ratio_of_calls_and_the_burst(
    story: list[bool], ratio: float, burst: int
) -> None:
    budget, calls, retries = RetryBudget(ratio, burst), 0, 0
    for is_retry in story:
        if is_retry:
            retries += budget.spend()
        else:
            calls += 1
            budget.earn()
        assert retries <= burst + ratio * calls + 1e-6


def test_an_outage_is_met_with_a_tenth_more_load_and_not_with_three_times_as_much() -> None:
    budget, calls = RetryBudget(0.1, 10), 0
    for _ in range(1000):
        budget.earn()
        calls += 1
        calls += sum(budget.spend() for _ in range(2))
    assert calls <= 1110
    assert calls >= 1100


@given(st.integers(0, 200), st.floats(0, 1), st.floats(0.001, 10), st.floats(0.001, 100))
def test_a_wait_is_within_its_bounds(
    attempt: int, draw: float, first: float, longest: float
) -> None:
    wait = backoff(attempt, first, longest, draw)
    assert 0 <= wait <= longest
    assert wait <= first * 2**attempt
