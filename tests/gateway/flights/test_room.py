"""Who may fly and wait: refreshes, and when everything is full or shut."""

from __future__ import annotations

import asyncio
import gc

import pytest

from adapters import urgency
from adapters.errors import Kind, UpstreamError
from adapters.source import Priority
from gateway.flights import Flights, FlightsSpec
from gateway.flights.failures import FailuresSpec
from tests.clocks import ManualClock


async def test_a_flight_that_is_wanted_as_a_refresh_lands_although_its_callers_leave() -> None:
    flights, gate = Flights[bool](60), asyncio.Event()
    caller = asyncio.create_task(flights.join("k", gate.wait))
    while not flights.waiters:
        await asyncio.sleep(0)
    flights.start("k", gate.wait)
    caller.cancel()
    await asyncio.wait([caller])
    assert flights.flying("k")
    gate.set()
    await flights.close(30)
    assert not flights.flying("k")


async def test_a_refresh_is_as_urgent_as_a_refresh_and_no_caller() -> None:
    flights, found = Flights[None](60), list[Priority]()

    async def work() -> None:
        found.append(urgency.urgency_of(Priority.BULK).priority)

    flights.start("k", work)
    await flights.close(30)
    assert found == [Priority.REFRESH]


async def test_nothing_begins_once_flights_are_closed() -> None:
    flights, begun = Flights[None](60), list[str]()

    async def work() -> None:
        begun.append("it has")

    await flights.close(0)
    flights.start("k", work)
    assert not flights.flying("k")
    assert flights.crowded
    with pytest.raises(UpstreamError, match="shutting down"):
        await flights.join("k", work)
    assert begun == []


async def test_who_waits_beside_a_caller_takes_a_place_as_well() -> None:
    flights, gate = Flights[bool](60, spec=FlightsSpec(waiters=3)), asyncio.Event()
    caller = asyncio.create_task(flights.join("k", gate.wait))
    while not flights.waiters:
        await asyncio.sleep(0)
    flights.aside = 1
    assert (flights.waiters, flights.crowded) == (2, False)
    flights.aside = 2
    assert (flights.waiters, flights.crowded) == (3, True)
    with pytest.raises(UpstreamError) as caught:
        await flights.join("k", gate.wait)
    assert caught.value.kind is Kind.OVERLOADED
    gate.set()
    assert (await caller).value


async def test_a_flight_that_ended_at_its_deadline_is_not_flown_again_at_once() -> None:
    flights, begun = Flights[bool](0.001), list[str]()

    def work() -> asyncio.Future[bool]:
        begun.append("once")
        return asyncio.get_running_loop().create_future()

    for _ in range(2):
        with pytest.raises(UpstreamError, match="ended at its deadline"):
            await flights.join("k", work)
    assert begun == ["once"]


async def test_after_a_success_a_key_rests_as_if_it_had_never_failed() -> None:
    clock = ManualClock()
    flights = Flights[None](60, clock)
    rest = FailuresSpec().backoff

    async def land(error: UpstreamError | None) -> None:
        async def work() -> None:
            if error is not None:
                raise error

        flights.start("k", work)
        assert flights.flying("k")
        while flights.flying("k"):
            await asyncio.sleep(0)

    for error in (UpstreamError(Kind.TRANSIENT, "no"), None, UpstreamError(Kind.TRANSIENT, "no")):
        await land(error)
        clock.advance(rest)
    await land(None)


async def test_a_refresh_that_fails_while_nobody_waits_has_its_error_heard() -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    flights = Flights[None](60)

    async def work() -> None:
        raise UpstreamError(Kind.TRANSIENT, "no")

    flights.start("k", work)
    while flights.flying("k"):
        await asyncio.sleep(0)
    gc.collect()
    assert faults == []


async def test_what_ends_since_everybody_left_leaves_the_next_flight_in_the_air() -> None:
    flights, gate = Flights[bool](60), asyncio.Event()
    leaving = asyncio.create_task(flights.join("k", gate.wait))
    while not flights.waiters:
        await asyncio.sleep(0)
    leaving.cancel()
    while flights.flying("k"):
        await asyncio.sleep(0)
    # In this very step it is left, and it has not ended yet.
    staying = asyncio.create_task(flights.join("k", gate.wait))
    await asyncio.wait([leaving])
    for _ in range(5):
        await asyncio.sleep(0)
    assert flights.flying("k")
    gate.set()
    assert (await staying).value


async def test_a_caller_waits_no_longer_than_their_time_though_the_flight_is_young() -> None:
    flights, gate = Flights[bool](60), asyncio.Event()
    with pytest.raises(UpstreamError) as caught:
        await flights.join("k", gate.wait, within=0.001, soft=3600)
    assert caught.value.kind is Kind.TIMEOUT
    gate.set()
    await flights.close(30)
