from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from gateway.flights.deadline import landing


async def test_a_task_is_waited_for_and_goes_on_when_its_waiter_has_no_more_time() -> None:
    gate = asyncio.Event()

    async def work() -> str:
        await gate.wait()
        return "done"

    task = asyncio.create_task(work())
    with pytest.raises(TimeoutError):
        await landing(task, 0.001)
    with pytest.raises(TimeoutError):
        await landing(task, -1.0)
    gate.set()
    assert await landing(task, 30) == "done"
    assert await landing(task, None) == "done"


async def test_a_waiter_that_leaves_cancels_nothing() -> None:
    gate = asyncio.Event()
    task = asyncio.create_task(gate.wait())
    waiter = asyncio.create_task(landing(task, 30))
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    gate.set()
    assert await task


async def test_what_a_task_raises_reaches_every_waiter() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise KeyError("no")

    task = asyncio.create_task(work())
    waiters = [asyncio.create_task(landing(task, within)) for within in (None, 30.0)]
    found = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(each) for each in found] == [KeyError, KeyError]


async def test_who_waits_for_a_task_that_is_cancelled_is_told_so() -> None:
    task = asyncio.create_task(asyncio.Event().wait())
    waiter = asyncio.create_task(landing(task, 30))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter


class Brought:
    """What a task returns."""


async def test_a_wait_that_is_over_keeps_nothing_until_its_time_would_have_been() -> None:
    async def work() -> Brought:
        return Brought()

    found = weakref.ref(await landing(asyncio.create_task(work()), 3600))
    await asyncio.sleep(0)
    gc.collect()
    assert found() is None


async def test_who_has_left_a_task_is_forgotten_by_it() -> None:
    task = asyncio.create_task(asyncio.Event().wait())
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await landing(task, 0.0)
    gc.collect()
    held = [type(each) for each in gc.get_referents(task)]
    assert list not in held
    task.cancel()


async def test_a_task_that_ends_in_the_very_step_in_which_its_waiter_leaves_harms_nobody() -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    gate = asyncio.Event()
    task = asyncio.create_task(gate.wait())
    waiter = asyncio.create_task(landing(task, 30))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.sleep(0)
    while not task.done():
        await asyncio.sleep(0)
    waiter.cancel()
    # No time is left, and the task has ended already: it is told that, and once.
    assert await landing(task, 0.0)
    assert await asyncio.gather(waiter, return_exceptions=True)
    await asyncio.sleep(0)
    assert faults == []
