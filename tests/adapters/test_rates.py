from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rates import Rates, Tally

RATES = Rates(window=60, calls=10, failed=0.5, slow_after=5, slow=0.8)


def fill(tally: Tally, *, failed: int = 0, slow: int = 0, well: int = 0, at: float = 0.0) -> Tally:
    for _ in range(failed):
        tally.add(at, 0.1, failed=True)
    for _ in range(slow):
        tally.add(at, 5.0, failed=False)
    for _ in range(well):
        tally.add(at, 0.1, failed=False)
    return tally


@pytest.mark.parametrize(
    ("failed", "slow", "well", "exceeded"),
    [
        (5, 0, 5, True),
        (4, 0, 6, False),
        (0, 8, 2, True),
        (0, 7, 3, False),
        (9, 0, 0, False),
        (0, 0, 0, False),
    ],
)
def test_enough_calls_and_too_many_of_them(
    failed: int, slow: int, well: int, exceeded: bool
) -> None:
    tally = fill(Tally(RATES), failed=failed, slow=slow, well=well)
    assert tally.exceeded(1.0) is exceeded


def test_what_is_older_than_the_window_is_forgotten() -> None:
    tally = fill(Tally(RATES), failed=10, at=100.0)
    assert tally.exceeded(159.0)
    assert not tally.exceeded(166.1)


def test_clearing_forgets() -> None:
    tally = fill(Tally(RATES), failed=10)
    tally.clear()
    assert not tally.exceeded(0.0)


@given(st.lists(st.tuples(st.floats(0, 10), st.booleans()), max_size=500))
def test_its_memory_does_not_grow_with_the_calls(calls: list[tuple[float, bool]]) -> None:
    tally, now = Tally(RATES), 0.0
    for wait, failed in calls:
        now += wait
        tally.add(now, 0.1, failed=failed)
    assert len(tally._buckets) <= 12


def test_of_what_is_forgotten_nothing_counts_any_more() -> None:
    tally = fill(Tally(RATES), failed=10, at=0.0)
    fill(tally, slow=10, at=1.0)
    assert not fill(tally, well=10, at=100.0).exceeded(100.0)
