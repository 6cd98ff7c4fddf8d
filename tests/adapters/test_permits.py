from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.permits import Permits
from adapters.source import Priority


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


class Holder:
    """A task that holds a permit until it is let go, and notes when it got it."""

    order: list[str]

    def __init__(self, permits: Permits, name: str, order: list[str], priority: Priority) -> None:
        self.go = asyncio.Event()
        self._permits = permits
        self._name = name
        self._order = order
        self.task = asyncio.create_task(self._hold(priority))

    async def _hold(self, priority: Priority) -> None:
        async with self._permits.held(priority):
            self._order.append(self._name)
            await self.go.wait()


async def test_a_caller_goes_before_bulk_work_that_came_first() -> None:
    permits, order = Permits(1, 10), list[str]()
    first = Holder(permits, "first", order, Priority.CALLER)
    await until(lambda: order == ["first"])
    waiting = [
        Holder(permits, "bulk", order, Priority.BULK),
        Holder(permits, "caller", order, Priority.CALLER),
        Holder(permits, "next caller", order, Priority.CALLER),
    ]
    await until(lambda: permits.waiting == 3)
    for holder in (first, *waiting):
        holder.go.set()
    await asyncio.gather(*(holder.task for holder in (first, *waiting)))
    assert order == ["first", "caller", "next caller", "bulk"]
    assert (permits.free, permits.waiting) == (1, 0)


async def test_when_too_many_wait_the_next_is_refused_at_once() -> None:
    permits, order = Permits(1, 1), list[str]()
    holders = [Holder(permits, str(number), order, Priority.CALLER) for number in range(2)]
    await until(lambda: permits.waiting == 1)
    with pytest.raises(UpstreamError) as caught:
        await permits._acquire(Priority.CALLER)
    assert caught.value.kind is Kind.OVERLOADED
    for holder in holders:
        holder.go.set()
    await asyncio.gather(*(holder.task for holder in holders))


async def test_who_leaves_just_when_its_turn_comes_hands_the_permit_on() -> None:
    permits, order = Permits(1, 10), list[str]()
    first, leaving, last = (Holder(permits, n, order, Priority.CALLER) for n in ("1", "2", "3"))
    await until(lambda: permits.waiting == 2)
    permits._release()
    leaving.task.cancel()
    await until(lambda: order == ["1", "3"])
    permits._free -= 1  # the first one's, which was given back for it above
    first.go.set()
    last.go.set()
    await asyncio.gather(first.task, leaving.task, last.task, return_exceptions=True)
    assert (permits.free, permits.waiting) == (1, 0)


async def test_who_has_left_the_queue_makes_room_in_it() -> None:
    permits, order = Permits(1, 1), list[str]()
    first, leaving = (Holder(permits, n, order, Priority.CALLER) for n in ("1", "2"))
    await until(lambda: permits.waiting == 1)
    leaving.task.cancel()
    await asyncio.wait([leaving.task])
    assert permits.waiting == 0
    last = Holder(permits, "3", order, Priority.CALLER)
    first.go.set()
    last.go.set()
    await asyncio.gather(first.task, last.task)
    assert order == ["1", "3"]
