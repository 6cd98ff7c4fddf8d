from __future__ import annotations

import asyncio

from gateway.events import Events, Fetched, FetchFailed, Served, TierRead
from gateway.journey import MOST, Journey, follow, journey
from tests.clocks import ManualClock


def test_steps_stand_where_they_began() -> None:
    clock = ManualClock(0.0)
    way = Journey(clock)
    clock.advance(0.5)
    way.note("memory", "miss", 0.2)
    clock.advance(2.0)
    way.note("upstream", "medicine", 2.0)
    way.note("summary", "extractive", 9.0)
    steps = [(step.name, round(step.start, 3), step.seconds) for step in way.steps]
    assert steps == [("memory", 0.3, 0.2), ("upstream", 0.5, 2.0), ("summary", 0.0, 9.0)]


async def test_what_is_started_on_the_way_is_noted_and_what_others_do_is_not() -> None:
    events = Events(follow)

    async def fetch(name: str) -> None:
        await asyncio.sleep(0)
        events.emit(Fetched(name, "key", 1, 0.0))

    other = asyncio.create_task(fetch("theirs"))
    with journey() as way:
        events.emit(TierRead("memory", False, 0.0))
        mine = asyncio.create_task(fetch("mine"))
        events.emit(Served("mine", "key", "miss", "", 0.0))
    await asyncio.gather(mine, other)
    events.emit(FetchFailed("mine", "key", "timeout", "late", 0.0))
    assert [(step.name, step.note) for step in way.steps] == [
        ("memory", "miss"),
        ("upstream", "mine"),
    ]


def test_a_long_way_is_cut_short() -> None:
    with journey() as way:
        for _ in range(MOST + 9):
            follow(TierRead("memory", True, 0.0))
    assert len(way.steps) == MOST
