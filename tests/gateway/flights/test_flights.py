from __future__ import annotations

import asyncio

import pytest

from adapters.commitment import commit
from adapters.errors import Kind, UpstreamError
from gateway.flights import Flights, FlightsSpec
from gateway.flights.failures import FailuresSpec
from tests.clocks import ManualClock


class Upstream:
    """Work that waits to be released, and counts."""

    def __init__(self, error: UpstreamError | None = None, *, costs: bool = True) -> None:
        self.calls = 0
        self.costs = costs
        self.cancelled = 0
        self.release = asyncio.Event()
        self._error = error

    async def __call__(self) -> int:
        self.calls += 1
        if self.costs:
            commit()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self._error is not None:
            raise self._error
        return self.calls


async def until_waiting(flights: Flights[int], count: int) -> None:
    while flights.waiters < count:
        await asyncio.sleep(0)


async def test_a_thousand_callers_share_one_flight() -> None:
    flights, upstream = Flights[int](60), Upstream()
    callers = [asyncio.create_task(flights.join("k", upstream)) for _ in range(1000)]
    await until_waiting(flights, 1000)
    upstream.release.set()
    landed = await asyncio.gather(*callers)
    assert upstream.calls == 1
    assert sum(not each.collapsed for each in landed) == 1
    assert flights.count == 0


async def test_a_caller_who_leaves_cancels_nobody() -> None:
    flights, upstream = Flights[int](60), Upstream()
    leaving = asyncio.create_task(flights.join("k", upstream))
    staying = asyncio.create_task(flights.join("k", upstream))
    await until_waiting(flights, 2)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert flights.waiters == 1
    upstream.release.set()
    assert (await staying).value == 1
    assert upstream.cancelled == 0


async def test_a_callers_time_ends_without_the_flights() -> None:
    flights, upstream = Flights[int](60), Upstream()
    with pytest.raises(UpstreamError) as caught:
        await flights.join("k", upstream, within=0.001)
    assert caught.value.kind is Kind.TIMEOUT
    assert flights.flying("k")
    upstream.release.set()
    assert (await flights.join("k", upstream)).value == 1


async def test_a_hung_fetch_ends_at_the_flights_own_deadline() -> None:
    flights, upstream = Flights[int](0.01), Upstream()
    with pytest.raises(UpstreamError, match="ended at its deadline"):
        await flights.join("k", upstream)
    assert upstream.cancelled == 1
    assert flights.count == 0


async def test_every_waiter_gets_the_error_and_the_next_caller_makes_no_call() -> None:
    clock = ManualClock()
    error = UpstreamError(Kind.MALFORMED, "broken", retry_after=3)
    flights, upstream = Flights[int](60, clock), Upstream(error)
    callers = [asyncio.create_task(flights.join("k", upstream)) for _ in range(10)]
    await until_waiting(flights, 10)
    upstream.release.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [str(result) for result in results] == ["broken"] * 10

    with pytest.raises(UpstreamError) as caught:
        await flights.join("k", upstream)
    assert (caught.value.kind, caught.value.retry_after) == (Kind.MALFORMED, 3)
    assert upstream.calls == 1

    clock.advance(Kind.MALFORMED.consequence.remember)
    with pytest.raises(UpstreamError):
        await flights.join("k", upstream)
    assert upstream.calls == 2


async def test_a_refresh_that_failed_a_moment_ago_is_not_started_again() -> None:
    clock = ManualClock()
    flights = Flights[int](60, clock)
    upstream = Upstream(UpstreamError(Kind.TRANSIENT, "no"))
    upstream.release.set()
    flights.start("k", upstream)
    while flights.count:
        await asyncio.sleep(0)
    # It rests for longer than callers are given its error.
    clock.advance(FailuresSpec().backoff - 0.1)
    flights.start("k", upstream)
    assert not flights.flying("k")
    clock.advance(0.1)
    flights.start("k", upstream)
    await flights.close(1)
    assert upstream.calls == 2


async def test_the_oldest_flight_has_its_age() -> None:
    clock = ManualClock()
    flights, upstream = Flights[int](60, clock), Upstream()
    assert flights.oldest == 0
    flights.start("a", upstream)
    clock.advance(5)
    flights.start("b", upstream)
    assert (flights.oldest, flights.count) == (5, 2)
    upstream.release.set()
    await flights.close(1)


async def test_closing_lets_flights_land_and_ends_the_late_ones() -> None:
    flights, quick, hung = Flights[int](60), Upstream(), Upstream()
    waiting = asyncio.create_task(flights.join("quick", quick))
    flights.start("hung", hung)
    await until_waiting(flights, 1)
    quick.release.set()
    await flights.close(0.05)
    assert (await waiting).value == 1
    assert hung.cancelled == 1
    with pytest.raises(UpstreamError, match="shutting down"):
        await flights.join("new", quick)


async def test_a_flight_that_everybody_left_is_cancelled_if_it_has_cost_nothing() -> None:
    flights, upstream = Flights[int](60), Upstream(costs=False)
    callers = [asyncio.create_task(flights.join("k", upstream)) for _ in range(2)]
    await until_waiting(flights, 2)
    callers[0].cancel()
    await asyncio.wait([callers[0]])
    assert flights.flying("k")
    callers[1].cancel()
    await asyncio.wait([callers[1]])
    assert not flights.flying("k")
    await asyncio.sleep(0)
    assert upstream.cancelled == 1


async def test_a_flight_that_everybody_left_lands_if_it_has_begun_to_cost() -> None:
    flights, upstream = Flights[int](60), Upstream()
    caller = asyncio.create_task(flights.join("k", upstream))
    while not upstream.calls:
        await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    assert flights.flying("k")
    upstream.release.set()
    await flights.close(1)
    assert upstream.cancelled == 0


async def test_a_flight_within_a_flight_commits_both_and_is_left_with_it() -> None:
    outer, inner = Flights[int](60), Flights[int](60)
    dear, cheap = Upstream(), Upstream(costs=False)

    async def work(upstream: Upstream) -> int:
        return (await inner.join("inner", upstream)).value

    for upstream, flying in ((cheap, False), (dear, True)):
        caller = asyncio.create_task(outer.join("k", lambda each=upstream: work(each)))  # type: ignore[misc]
        while not upstream.calls:
            await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait([caller])
        for _ in range(3):
            await asyncio.sleep(0)
        assert (outer.flying("k"), inner.flying("inner")) == (flying, flying)
    dear.release.set()
    await outer.close(1)


async def test_who_comes_while_a_left_flight_ends_starts_anew() -> None:
    flights, left, new = Flights[int](60), Upstream(costs=False), Upstream()
    caller = asyncio.create_task(flights.join("k", left))
    await until_waiting(flights, 1)
    caller.cancel()
    await asyncio.wait([caller])
    new.release.set()
    assert not (await flights.join("k", new)).collapsed
    assert flights.count == 0


async def test_who_has_an_old_answer_waits_until_the_flight_is_so_old_and_it_lands() -> None:
    clock = ManualClock()
    flights, upstream = Flights[int](60, clock), Upstream(costs=False)
    with pytest.raises(UpstreamError) as caught:
        await flights.join("k", upstream, soft=0.01)
    assert caught.value.kind is Kind.TIMEOUT
    assert flights.flying("k")
    clock.advance(50)
    # The flight is fifty seconds old already: the next one does not wait at all.
    with pytest.raises(UpstreamError):
        await asyncio.wait_for(flights.join("k", upstream, soft=40), 20)
    upstream.release.set()
    await flights.close(1)
    assert upstream.calls == 1


async def test_who_has_an_old_answer_does_not_wait_while_the_key_rests() -> None:
    clock = ManualClock()
    flights = Flights[int](60, clock)
    upstream = Upstream(UpstreamError(Kind.TRANSIENT, "no"))
    upstream.release.set()
    with pytest.raises(UpstreamError):
        await flights.join("k", upstream, soft=3)
    clock.advance(FailuresSpec().backoff - 0.1)
    with pytest.raises(UpstreamError):
        await flights.join("k", upstream, soft=3)
    assert upstream.calls == 1
    with pytest.raises(UpstreamError):
        await flights.join("k", upstream)
    assert upstream.calls == 2


async def test_bulk_work_has_a_deadline_of_its_own() -> None:
    flights, upstream = Flights[int](3600), Upstream()
    with pytest.raises(UpstreamError, match="ended at its deadline"):
        await flights.join("k", upstream, deadline=0.01)


async def test_there_are_never_more_flights_than_allowed_and_the_refusal_is_quick() -> None:
    flights, upstream = Flights[int](60, spec=FlightsSpec(limit=2)), Upstream()
    for key in ("a", "b", "c"):
        flights.start(key, upstream)
    assert flights.count == 2
    with pytest.raises(UpstreamError) as caught:
        await flights.join("c", upstream)
    assert (caught.value.kind, caught.value.retry_after) == (Kind.OVERLOADED, 1)
    waiting = asyncio.create_task(flights.join("a", upstream))
    await until_waiting(flights, 1)
    upstream.release.set()
    assert (await waiting).collapsed
    await flights.close(1)


async def test_there_are_never_more_waiters_than_allowed() -> None:
    flights, upstream = Flights[int](60, spec=FlightsSpec(waiters=2)), Upstream()
    callers = [asyncio.create_task(flights.join("k", upstream)) for _ in range(3)]
    await until_waiting(flights, 2)
    await asyncio.wait(callers, return_when=asyncio.FIRST_COMPLETED)
    refused = next(caller for caller in callers if caller.done())
    error = refused.exception()
    assert isinstance(error, UpstreamError)
    assert error.kind is Kind.OVERLOADED
    upstream.release.set()
    await asyncio.gather(*callers, return_exceptions=True)
    assert flights.waiters == 0


async def test_ten_waiters_on_a_failing_call_fail_together_and_make_one_call() -> None:
    flights, upstream = Flights[int](60), Upstream(UpstreamError(Kind.TRANSIENT, "no"))
    callers = [asyncio.create_task(flights.join("k", upstream)) for _ in range(10)]
    await until_waiting(flights, 10)
    upstream.release.set()
    await asyncio.wait(callers, return_when=asyncio.FIRST_COMPLETED)
    # Nobody's error is later than another's, not even by a turn of the loop.
    assert [type(each.exception()) for each in callers] == [UpstreamError] * 10
    assert upstream.calls == 1


async def test_a_flight_that_nobody_waits_for_lands_within_the_grace_of_a_stop() -> None:
    flights, upstream = Flights[int](60), Upstream()
    flights.start("k", upstream)
    closing = asyncio.create_task(flights.close(60))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not closing.done()
    upstream.release.set()
    await closing
    assert (upstream.cancelled, flights.count) == (0, 0)


async def test_waiters_of_a_flight_that_a_stop_ended_are_told_so() -> None:
    flights, hung = Flights[int](60), Upstream()
    waiting = asyncio.create_task(flights.join("k", hung))
    await until_waiting(flights, 1)
    await flights.close(0)
    with pytest.raises(UpstreamError, match="shutting down"):
        await waiting


async def test_a_flight_that_has_landed_in_this_step_is_not_joined_any_more() -> None:
    flights, upstream = Flights[int](60), Upstream()
    upstream.release.set()
    flights.start("k", upstream)
    await asyncio.sleep(0)
    assert (upstream.calls, flights.flying("k")) == (1, True)
    assert (await flights.join("k", upstream)).value == 2
