from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import Kind, UpstreamError
from adapters.sources.units import Duration
from gateway.flights.failures import KEPT, Failures, FailuresSpec, remembered_for, rests_for
from tests.clocks import ManualClock

SPEC = FailuresSpec(backoff=Duration(5), max_backoff=Duration(300))
DOWN = UpstreamError(Kind.UPSTREAM_DOWN, "down")


@given(st.integers(1, 10_000), st.floats(0, 1e6) | st.none())
def test_a_rest_grows_with_each_failure_up_to_its_cap(
    failures: int, retry_after: float | None
) -> None:
    rest = rests_for(failures, retry_after, SPEC)
    assert 5 <= rest <= 300
    assert rest <= rests_for(failures + 1, retry_after, SPEC)
    assert rest >= min(retry_after or 0, 300)


def test_rests_double() -> None:
    assert [rests_for(n, None, SPEC) for n in range(1, 9)] == [5, 10, 20, 40, 80, 160, 300, 300]


@given(st.sampled_from(Kind), st.floats(0, 1000))
def test_an_error_is_remembered_as_its_class_says_unless_configured(
    kind: Kind, seconds: float
) -> None:
    assert remembered_for(kind, {}) == kind.consequence.remember
    assert remembered_for(kind, {kind.value: seconds}) == seconds


def test_an_unknown_class_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ValueError, match="tiemout"):
        FailuresSpec(remember={"tiemout": Duration(1)})


def test_who_has_nothing_else_is_refused_for_a_short_while_and_a_refresh_for_longer() -> None:
    clock = ManualClock()
    failures = Failures(SPEC, clock)
    failures.note("k", DOWN)
    assert failures.recall("k") is not None
    clock.advance(1)
    assert failures.recall("k") is None
    assert failures.recall("k", rested=True) is not None
    clock.advance(4)
    assert failures.recall("k", rested=True) is None


def test_a_success_starts_anew() -> None:
    clock = ManualClock()
    failures = Failures(SPEC, clock)
    for _ in range(5):
        failures.note("k", DOWN)
    failures.forget("k")
    failures.note("k", DOWN)
    clock.advance(5)
    assert failures.recall("k", rested=True) is None


def test_failures_in_a_row_are_counted_across_their_rests() -> None:
    clock = ManualClock()
    failures = Failures(SPEC, clock)
    failures.note("k", DOWN)
    clock.advance(6)
    failures.note("k", DOWN)
    clock.advance(9)
    assert failures.recall("k", rested=True) is not None
    clock.advance(1)
    assert failures.recall("k", rested=True) is None


@pytest.mark.parametrize("kind", [Kind.CIRCUIT_OPEN, Kind.OVERLOADED])
def test_what_asked_nobody_does_not_lengthen_the_rest(kind: Kind) -> None:
    clock = ManualClock()
    failures = Failures(SPEC, clock)
    failures.note("k", DOWN)
    for _ in range(10):
        clock.advance(10)
        failures.note("k", UpstreamError(kind, "not asked", retry_after=3))
    clock.advance(5)
    assert failures.recall("k", rested=True) is None
    failures.note("k", DOWN)
    clock.advance(9.9)
    assert failures.recall("k", rested=True) is not None
    clock.advance(0.1)
    assert failures.recall("k", rested=True) is None


def test_what_is_remembered_is_bounded_and_makes_room_when_it_is_past() -> None:
    clock = ManualClock()
    failures = Failures(SPEC, clock)
    for number in range(KEPT + 10):
        failures.note(str(number), DOWN)
    assert failures.recall(str(KEPT + 9)) is None
    clock.advance(5)
    failures.note("later", DOWN)
    assert failures.recall("later") is not None
    assert len(failures._kept) == 1


def test_what_makes_room_still_lets_a_key_rest() -> None:
    clock = ManualClock()
    failures = Failures(SPEC, clock)
    for number in range(KEPT):
        failures.note(str(number), DOWN)
    clock.advance(Kind.UPSTREAM_DOWN.consequence.remember)
    failures.note("one too many", DOWN)
    assert failures.recall("0", rested=True) is not None


def test_a_key_rests_for_as_long_as_its_upstream_asks() -> None:
    assert rests_for(1, 42.0, SPEC) == 42.0
    assert rests_for(1, 4.0, SPEC) == 5.0


def test_where_nobody_was_asked_a_key_rests_once_however_often_it_had_failed() -> None:
    clock = ManualClock()
    failures = Failures(SPEC, clock)
    for _ in range(5):
        failures.note("k", DOWN)
    failures.note("k", UpstreamError(Kind.CIRCUIT_OPEN, "not asked"))
    clock.advance(5)
    assert failures.recall("k", rested=True) is None


def test_each_caller_is_given_an_error_of_their_own() -> None:
    failures = Failures(SPEC, ManualClock())
    failures.note("k", DOWN)
    assert failures.recall("k") not in (None, DOWN)
    assert failures.recall("k") is not failures.recall("k")
