from __future__ import annotations

import asyncio

from gateway.bulk.pace import LONGEST, Paced, Unpaced, wait_for
from tests.simulation.loop import run


def test_the_loop_is_idle_for_as_long_as_it_was_busy() -> None:
    assert wait_for(0.004, 0.004) == 0.004
    assert wait_for(0.004, 0.008) == 0.0
    assert wait_for(5.0, 0.0) == LONGEST


def test_lookups_begin_one_by_one_and_a_busy_loop_does_not_starve_them() -> None:
    async def begins(cost: float) -> list[float]:
        loop, spent, found = asyncio.get_running_loop(), 0.0, list[float]()
        pace = Paced(lambda: spent)

        async def begin() -> None:
            nonlocal spent
            await pace.turn()
            found.append(round(loop.time(), 6))
            spent += cost

        await asyncio.sleep(1)
        await asyncio.gather(*(begin() for _ in range(4)))
        return found

    assert run(begins(0.002)) == [1.0, 1.004, 1.008, 1.012]
    assert run(begins(9.0)) == [1.0, 1.1, 1.2, 1.3]


async def test_without_callers_nobody_waits() -> None:
    await asyncio.gather(*(Unpaced().turn() for _ in range(1000)))
