from __future__ import annotations

import asyncio
import contextlib

import pytest

from adapters.deadline import Deadline


async def test_what_takes_too_long_is_cancelled_and_its_time_is_over() -> None:
    work = asyncio.get_running_loop().create_future()
    with pytest.raises(TimeoutError), Deadline(0.001):
        await work
    task = asyncio.current_task()
    assert work.cancelled()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_is_quick_enough_is_left_alone_and_so_is_what_comes_behind_it() -> None:
    with Deadline(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.03)


async def test_what_fails_by_itself_says_why() -> None:
    with pytest.raises(KeyError), Deadline(5):
        raise KeyError("no")


async def test_who_is_cancelled_by_another_is_cancelled_and_not_late() -> None:
    async def work() -> None:
        with Deadline(30):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_is_late_and_cancelled_by_another_as_well_is_cancelled() -> None:
    async def work() -> None:
        with Deadline(0.001):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                task.cancel()
                raise

    task = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_inner_of_two_deadlines_leaves_the_outer_one_untouched() -> None:
    async def late() -> None:
        with pytest.raises(TimeoutError), Deadline(0.001):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError), Deadline(0.02):
        await late()


async def test_what_fails_while_it_is_ended_says_why() -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise KeyError("no") from None

    with pytest.raises(KeyError), Deadline(0.001):
        await work()


async def test_what_ends_although_it_was_cancelled_for_its_time_has_ended() -> None:
    with Deadline(0.001), contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_who_tidies_up_after_being_cancelled_has_a_bound_in_time_as_well() -> None:
    async def work() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with pytest.raises(TimeoutError), Deadline(0.001):
                await asyncio.Event().wait()
        return "tidy"

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "tidy"
