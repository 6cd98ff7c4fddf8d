from __future__ import annotations

import asyncio
import re
import time

from gateway.profiling.loop_lag import LoopLag
from gateway.profiling.sampler import Sampler


def compute_for(seconds: float) -> None:
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        sum(range(100))


async def test_a_profile_shows_what_the_loop_does_in_collapsed_stacks() -> None:
    async def work() -> None:
        while True:
            compute_for(0.02)
            await asyncio.sleep(0)

    working = asyncio.create_task(work())
    text = await Sampler().sample(0.3)
    working.cancel()
    lines = text.splitlines()
    assert all(re.fullmatch(r"\S+ \d+", line) for line in lines)
    busy = sum(int(line.rpartition(" ")[2]) for line in lines if "compute_for" in line)
    assert busy > 0.5 * sum(int(line.rpartition(" ")[2]) for line in lines)


async def test_of_two_who_ask_at_once_each_gets_a_profile() -> None:
    sampler = Sampler()
    one, two = await asyncio.gather(sampler.sample(0.3), sampler.sample(0.3))
    assert one
    assert two


async def test_what_holds_the_loop_is_its_lag() -> None:
    lag = LoopLag()
    with lag.measured():
        while not list(lag.seen):
            compute_for(0.4)
            await asyncio.sleep(0)
        assert lag.last > 0.05
    ((_, histogram),) = lag.seen
    assert histogram.sum > 0.05
