"""Who may fly and wait: refreshes, and when everything is full or shut."""

from __future__ import annotations

import asyncio

import pytest

from adapters import urgency
from adapters.errors import Kind, UpstreamError
from adapters.source import Priority
from gateway.flights import Flights, FlightsSpec


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
