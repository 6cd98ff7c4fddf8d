"""Who is asked for first at one source, over virtual time: callers, and bulk work beside them."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from adapters.breaker import Breaker
from adapters.guard import Guarded
from adapters.source import Attribution, Payload, Priority, Query
from adapters.sources.limits import LimitsSpec, QuotaSpec
from adapters.sources.units import Duration
from gateway.flights import Flights
from tests.simulation.loop import run

QUERY = Query("타이레놀")
CALL = 1.0
"""Seconds that the upstream takes for a call."""


class Slow:
    """Takes its time, and notes who was asked for when."""

    def __init__(self) -> None:
        self.asked: list[tuple[Priority, float]] = []

    async def fetch(self, query: Query) -> Payload:
        self.asked.append((query.priority, asyncio.get_running_loop().time()))
        await asyncio.sleep(CALL)
        return Payload((), 0, Attribution(""), 0.0)


def guarded(source: Slow, limits: LimitsSpec) -> Guarded:
    time = asyncio.get_running_loop().time
    breaker = Breaker("x", 5, 60, clock=time, on_change=lambda *change: None)
    return Guarded(source, limits, breaker, clock=time)


async def waits(limits: LimitsSpec, callers: int = 20) -> list[float]:
    """Return for how long each caller waits for its answer beside a thousand bulk lookups."""
    source = Slow()
    guard = guarded(source, limits)
    loop = asyncio.get_running_loop()
    bulk = [
        loop.create_task(guard.fetch(replace(QUERY, priority=Priority.BULK))) for _ in range(1000)
    ]
    found = []
    for number in range(callers):
        await asyncio.sleep(2.37 + number / 10)
        started = loop.time()
        await guard.fetch(QUERY)
        found.append(loop.time() - started)
    for task in bulk:
        task.cancel()
    await asyncio.gather(*bulk, return_exceptions=True)
    assert sum(priority is Priority.BULK for priority, _ in source.asked) > 20
    return found


def test_a_bulk_run_delays_no_caller_where_permits_are_left_to_them() -> None:
    assert max(run(waits(LimitsSpec(concurrency=4, queue=1000)))) == CALL


def test_over_a_single_permit_a_caller_is_delayed_by_one_call_at_most() -> None:
    delays = run(waits(LimitsSpec(concurrency=1, queue=1000)))
    assert CALL < max(delays) <= 2 * CALL


def test_calls_that_keep_their_distance_delay_a_caller_by_one_distance_at_most() -> None:
    limits = LimitsSpec(concurrency=100, queue=1000, min_interval=Duration(0.5))
    assert max(run(waits(limits))) <= CALL + 2 * 0.5


def test_a_bulk_run_that_spends_its_quota_leaves_callers_theirs() -> None:
    quota = QuotaSpec(limit=100, per="minute")
    limits = LimitsSpec(concurrency=50, queue=1000, quotas=(quota,))
    assert max(run(waits(limits))) == CALL


def test_a_caller_who_joins_a_bulk_flight_does_not_wait_as_bulk_work_does() -> None:
    async def story() -> tuple[float, int]:
        source = Slow()
        guard = guarded(source, LimitsSpec(concurrency=1, queue=1000, reserve=0.2))
        outer: Flights[Payload] = Flights(600)
        inner: Flights[Payload] = Flights(600)
        bulk = replace(QUERY, priority=Priority.BULK)

        async def work(key: str) -> Payload:
            return (await inner.join(key, lambda: guard.fetch(bulk))).value

        flights = [
            asyncio.create_task(
                outer.join(str(n), lambda n=n: work(str(n)), priority=Priority.BULK)  # type: ignore[misc]
            )
            for n in range(50)
        ]
        await asyncio.sleep(2.5)
        started = asyncio.get_running_loop().time()
        await outer.join("49", lambda: work("49"), priority=Priority.CALLER)
        waited = asyncio.get_running_loop().time() - started
        calls = len(source.asked)
        await asyncio.gather(*flights)
        return waited, calls

    waited, calls = run(story())
    assert waited <= 2 * CALL
    assert calls <= 5


def test_a_caller_who_joins_bulk_work_that_sits_out_its_quota_has_a_callers_share() -> None:
    async def story() -> float:
        quota = QuotaSpec(limit=10, per="minute")
        guard = guarded(Slow(), LimitsSpec(concurrency=20, quotas=(quota,), reserve=0.2))
        flights: Flights[Payload] = Flights(600)
        bulk = replace(QUERY, priority=Priority.BULK)
        tasks = [
            asyncio.create_task(
                flights.join(str(n), lambda: guard.fetch(bulk), priority=Priority.BULK)
            )
            for n in range(9)
        ]
        await asyncio.sleep(5)
        started = asyncio.get_running_loop().time()
        await flights.join("8", lambda: guard.fetch(bulk), priority=Priority.CALLER)
        waited = asyncio.get_running_loop().time() - started
        await asyncio.gather(*tasks)
        return waited

    assert run(story()) <= CALL + 0.01
