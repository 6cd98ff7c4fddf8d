from __future__ import annotations

import asyncio

import pytest

from adapters.breaker import Breaker
from adapters.errors import Kind, UpstreamError
from adapters.rates import Rates


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A breaker with a clock to turn and the changes that it told of."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.changes: list[tuple[str, str, str]] = []
        self.breaker = Breaker(
            "medicine",
            5,
            60,
            clock=self.clock,
            on_change=lambda *change: self.changes.append(change),
        )

    def fail(self, kind: Kind = Kind.TRANSIENT, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(UpstreamError), self.breaker.watch():
                raise UpstreamError(kind, "no")

    def succeed(self) -> None:
        with self.breaker.watch():
            pass

    def refusal(self) -> UpstreamError:
        with pytest.raises(UpstreamError) as caught, self.breaker.watch():
            raise AssertionError("the call went through")
        return caught.value


async def test_five_failures_open_it_and_calls_are_refused_with_the_seconds_left() -> None:
    bench = Bench()
    bench.fail(times=4)
    assert bench.breaker.state == "closed"
    bench.fail()
    bench.clock.now += 20
    refused = bench.refusal()
    assert refused.kind is Kind.CIRCUIT_OPEN
    assert refused.retry_after == 40
    assert bench.changes == [("medicine", "closed", "open")]


async def test_a_success_forgets_the_failures_before_it() -> None:
    bench = Bench()
    bench.fail(times=4)
    bench.succeed()
    bench.fail(times=4)
    assert bench.breaker.state == "closed"


async def test_errors_that_are_not_the_upstreams_fault_do_not_count() -> None:
    bench = Bench()
    bench.fail(Kind.INVALID_INPUT, times=20)
    bench.fail(Kind.QUOTA_DAY, times=20)
    assert bench.breaker.state == "closed"


async def test_after_its_rest_one_trial_goes_through_and_closes_it() -> None:
    bench = Bench()
    bench.fail(times=5)
    bench.clock.now += 60
    with bench.breaker.watch():
        assert bench.breaker.state == "half-open"
        assert [bench.refusal().kind for _ in range(20)] == [Kind.CIRCUIT_OPEN] * 20
    assert bench.breaker.state == "closed"
    assert [after for _, _, after in bench.changes] == ["open", "half-open", "closed"]


async def test_a_trial_that_fails_opens_it_for_another_rest() -> None:
    bench = Bench()
    bench.fail(times=5)
    bench.clock.now += 61
    bench.fail()
    assert bench.breaker.state == "open"
    assert bench.refusal().retry_after == 60


async def test_a_cancelled_trial_changes_nothing_and_the_next_may_try() -> None:
    bench = Bench()
    bench.fail(times=5)
    bench.clock.now += 61
    with pytest.raises(asyncio.CancelledError), bench.breaker.watch():
        raise asyncio.CancelledError
    assert bench.breaker.state == "half-open"
    bench.succeed()
    assert bench.breaker.state == "closed"


async def test_cancelled_calls_are_no_failures() -> None:
    bench = Bench()
    for _ in range(10):
        with pytest.raises(asyncio.CancelledError), bench.breaker.watch():
            raise asyncio.CancelledError
    assert bench.breaker.state == "closed"


async def test_a_call_from_before_it_opened_does_not_close_it() -> None:
    bench = Bench()
    with bench.breaker.watch():
        bench.fail(times=5)
    assert bench.breaker.state == "open"


async def test_half_of_the_calls_failing_opens_it_although_never_five_in_a_row() -> None:
    bench = Bench()
    for _ in range(9):
        bench.fail()
        bench.succeed()
    assert bench.breaker.state == "closed"
    bench.succeed()
    bench.fail()
    assert bench.breaker.state == "open"
    assert bench.refusal().retry_after == 60


async def test_after_its_trial_the_shares_are_counted_anew() -> None:
    bench = Bench()
    for _ in range(10):
        bench.fail()
        bench.succeed()
    bench.clock.now += 60
    bench.succeed()
    bench.fail()
    assert bench.breaker.state == "closed"


async def test_what_a_watched_body_does_before_it_asks_holds_up_no_trial() -> None:
    bench = Bench()
    bench.fail(times=5)
    bench.clock.now += 60
    with bench.breaker.observe():
        bench.succeed()
        assert bench.breaker.state == "closed"


async def test_work_that_was_watched_but_never_asked_counts_for_nothing() -> None:
    bench = Bench()
    for _ in range(10):
        with pytest.raises(UpstreamError), bench.breaker.observe():
            raise UpstreamError(Kind.TRANSIENT, "no")
    assert bench.breaker.state == "closed"


def test_what_another_replica_has_found_is_adopted_without_a_word() -> None:
    bench = Bench()
    bench.breaker.adopt("open")
    with pytest.raises(UpstreamError), bench.breaker.watch():
        pass
    bench.clock.now += 40
    bench.breaker.adopt("open")  # its trial has failed: the rest begins anew
    assert bench.breaker.seconds_left == 60
    bench.breaker.adopt("closed")
    assert (bench.breaker.state, bench.breaker.seconds_left, bench.changes) == ("closed", 0.0, [])


async def test_what_another_replica_finds_does_not_end_the_trial_that_is_out() -> None:
    bench = Bench()
    bench.fail(times=5)
    bench.clock.now += 60
    with bench.breaker.watch():
        bench.breaker.adopt("open")
        assert bench.breaker.state == "half-open"
    assert bench.breaker.state == "closed"


async def test_a_circuit_that_another_replica_closes_begins_to_count_anew() -> None:
    clock = Clock()
    rates = Rates(calls=4, failed=0.5)
    breaker = Breaker("s", 100, 60, clock=clock, on_change=lambda *_: None, rates=rates)
    for _ in range(4):
        with pytest.raises(UpstreamError), breaker.watch():
            raise UpstreamError(Kind.TRANSIENT, "no")
    assert breaker.state == "open"
    breaker.adopt("closed")
    with pytest.raises(UpstreamError), breaker.watch():
        raise UpstreamError(Kind.TRANSIENT, "no")
    assert breaker.state == "closed"


async def test_of_the_tries_of_a_call_the_slowest_tells_whether_it_was_slow() -> None:
    rates = Rates(calls=1, slow_after=5.0, slow=1.0)
    breaker = Breaker("s", 100, 60, clock=Clock(), on_change=lambda *_: None, rates=rates)
    with breaker.observe() as call:
        for seconds in (1.0, 5.0, 0.1):
            call.begin()
            call.took(seconds)
    assert breaker.state == "open"
