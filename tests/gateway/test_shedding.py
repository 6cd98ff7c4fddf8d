"""Twice the load that can be served costs the excess, and not everybody's time."""

from __future__ import annotations

import heapq
from contextlib import ExitStack

import msgspec
import pytest

from adapters.errors import Kind, UpstreamError
from adapters.sources.units import Duration
from gateway.shedding import DOOR, FETCHES, INTERVAL, Arrival, Shedding, SheddingSpec
from storage.entry import Entry, Part
from tests.clocks import ManualClock
from tests.gateway.world import World

TARGET = 0.25


def entry(cost: float) -> Entry:
    return Entry("k", "s", b"", Part(b"", 0.0, cost), None, False, 0.0)


def shedding(clock: ManualClock, delay: float = TARGET) -> Shedding:
    return Shedding(SheddingSpec(delay=Duration(delay)), clock)


def flood(
    shed: Shedding, clock: ManualClock, *, times: float, capacity: float, seconds: float
) -> tuple[list[tuple[float, float]], int]:
    """Serve one after the other, while *times* as many come as can be; return when and how long."""
    upstream, served, refused = 0.1, [], 0
    flying: list[tuple[float, float, ExitStack]] = []
    begun, free = clock(), clock()
    for number in range(int(times * capacity * seconds)):
        now = begun + number / (times * capacity)
        while flying and flying[0][0] <= now:
            done, came, place = heapq.heappop(flying)
            clock.now = done
            place.close()
            shed.landed(entry(upstream), done - came)
            served.append((done - begun, done - came))
        clock.now = now
        place = ExitStack()
        try:
            place.enter_context(shed.place(joins=False))
        except UpstreamError:
            refused += 1
            continue
        free = max(free, now) + 1 / capacity
        heapq.heappush(flying, (free + upstream, now, place))
    return served, refused


@pytest.mark.parametrize("times", [2.0, 4.0])
def test_at_twice_the_load_latency_is_bounded_and_the_capacity_is_used(times: float) -> None:
    clock = ManualClock()
    served, refused = flood(shedding(clock), clock, times=times, capacity=500, seconds=30)
    late = [took for at, took in served if at > 5]
    assert max(late) < 3 * TARGET + 0.1
    assert len(served) > 0.9 * 500 * 30
    assert refused > 0.9 * (times - 1) * 500 * 30


def test_without_it_latency_grows_for_as_long_as_the_load_lasts() -> None:
    clock = ManualClock()
    served, refused = flood(shedding(clock, 0), clock, times=2, capacity=500, seconds=10)
    assert (max(took for _, took in served) > 4, refused) == (True, 0)


def test_below_the_capacity_nobody_is_refused() -> None:
    clock = ManualClock()
    _, refused = flood(shedding(clock), clock, times=0.9, capacity=500, seconds=10)
    assert refused == 0


def test_an_upstream_that_is_slow_by_itself_costs_nobody_a_place() -> None:
    clock = ManualClock()
    shed = shedding(clock)
    for _ in range(200):
        clock.advance(INTERVAL)
        with shed.place(joins=False):
            shed.landed(entry(cost=20.0), 20.01)
    assert shed.limit == FETCHES.first


def test_the_limit_stays_between_its_bounds() -> None:
    clock = ManualClock()
    shed = shedding(clock)
    for took, bound in ((9.0, FETCHES.least), (0.0, FETCHES.most)):
        with ExitStack() as held:
            for _ in range(320):
                clock.advance(INTERVAL)
                while shed.in_progress < int(shed.limit):
                    held.enter_context(shed.place(joins=False))
                shed.landed(entry(0.0), took)
        assert shed.limit == bound


def test_who_joins_a_fetch_needs_no_place_and_a_place_is_given_back() -> None:
    clock = ManualClock()
    shed = shedding(clock)
    with ExitStack() as held:
        for _ in range(int(FETCHES.first)):
            held.enter_context(shed.place(joins=False))
        with pytest.raises(UpstreamError) as refused, shed.place(joins=False):
            pass
        assert (refused.value.kind, refused.value.retry_after) == (Kind.OVERLOADED, 1)
        with shed.place(joins=True):
            assert shed.in_progress == FETCHES.first
    assert (shed.in_progress, shed.refused, shed.pressed) == (0, 1, False)


async def test_hits_and_stale_answers_go_on_while_misses_are_refused() -> None:
    world = World()
    await world.resolver.resolve(world.lookup())
    world.resolver.shedding.fetches.limit = 0
    assert (await world.resolver.resolve(world.lookup())).outcome == "hit"
    world.clock.advance(120)
    stale = await world.resolver.resolve(world.lookup())
    assert (stale.outcome, world.flights.count) == ("stale", 0)
    world.clock.advance(60)
    old = await world.resolver.resolve(world.lookup())
    assert (old.outcome, old.degraded[0]) == ("stale", "stale")
    with pytest.raises(UpstreamError) as refused:
        await world.resolver.resolve(world.lookup("other"))
    assert refused.value.kind is Kind.OVERLOADED
    assert world.source.calls == 1


def test_the_delay_is_configured() -> None:
    assert msgspec.convert({}, SheddingSpec).delay == TARGET


def at_the_door(
    shed: Shedding, clock: ManualClock, *, times: float, capacity: float, seconds: float
) -> tuple[list[float], int]:
    """Serve one after the other, as `flood` does; return how long each took, and the refused."""
    served, refused, begun, free = [], 0, clock(), clock()
    inside: list[tuple[float, float, Arrival]] = []
    for number in range(int(times * capacity * seconds)):
        now = begun + number / (times * capacity)
        while inside and inside[0][0] <= now:
            done, came, arrival = inside.pop(0)
            clock.now = done
            arrival.passed()
            served.append(done - came)
        clock.now = now
        if shed.door.full:
            refused += 1
            continue
        free = max(free, now) + 1 / capacity
        inside.append((free, now, shed.door.arrive()))
    return served, refused


@pytest.mark.parametrize("times", [2.0, 10.0])
def test_the_wait_at_the_door_is_bounded(times: float) -> None:
    clock = ManualClock()
    served, refused = at_the_door(shedding(clock), clock, times=times, capacity=500, seconds=20)
    assert max(served) < 2.5 * TARGET * times
    assert max(served[len(served) // 3 :]) < 3 * TARGET
    assert len(served) > 0.85 * 500 * 20
    assert refused > 0.8 * (times - 1) * 500 * 20


def test_below_the_capacity_everybody_comes_in() -> None:
    clock = ManualClock()
    assert at_the_door(shedding(clock), clock, times=0.9, capacity=500, seconds=10)[1] == 0


def test_a_burst_comes_in_and_a_door_that_is_off_never_shuts() -> None:
    clock = ManualClock()
    shed, off = shedding(clock), shedding(clock, 0)
    for _ in range(int(DOOR.first)):
        assert not shed.door.full
        shed.door.arrive()
        off.door.arrive()
    assert shed.door.full
    clock.advance(3600)
    assert not off.door.full


def test_while_the_first_waits_for_too_long_nobody_follows() -> None:
    clock = ManualClock()
    shed = shedding(clock)
    first, found = shed.door.arrive(), []
    for seconds in (2 * TARGET, 0.01):
        clock.advance(seconds)
        found.append((shed.door.full, shed.pressed))
    for _ in range(2):  # the second time nothing happens
        first.passed()
        found.append((shed.door.full, shed.door.inside == 0))
    assert found == [(False, False), (True, True), (False, True), (False, True)]
