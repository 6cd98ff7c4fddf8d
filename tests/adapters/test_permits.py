from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.permits import Permits, left_to_others
from adapters.source import Priority
from adapters.urgency import Urgency


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
        async with permits.held(Priority.CALLER):
            pass
    assert caught.value.kind is Kind.OVERLOADED
    for holder in holders:
        holder.go.set()
    await asyncio.gather(*(holder.task for holder in holders))


async def test_who_leaves_just_when_its_turn_comes_hands_the_permit_on() -> None:
    permits, order = Permits(1, 10), list[str]()
    first, leaving, last = (Holder(permits, n, order, Priority.CALLER) for n in ("1", "2", "3"))
    await until(lambda: permits.waiting == 2)
    permits.release()
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


async def test_bulk_work_leaves_permits_to_callers_and_has_one_at_least() -> None:
    assert [left_to_others(each, 0.2) for each in (1, 2, 8, 100)] == [0, 1, 2, 20]
    permits, order = Permits(4, 10, reserve=0.5), list[str]()
    bulk = [Holder(permits, "bulk", order, Priority.BULK) for _ in range(4)]
    await until(lambda: permits.waiting == 2)
    caller = Holder(permits, "caller", order, Priority.CALLER)
    await until(lambda: "caller" in order)
    assert (order, permits.free) == (["bulk", "bulk", "caller"], 1)
    for holder in (*bulk, caller):
        holder.go.set()
    await asyncio.gather(*(holder.task for holder in (*bulk, caller)))
    assert (permits.free, permits.waiting) == (4, 0)


async def test_a_queue_full_of_bulk_work_keeps_no_caller_out() -> None:
    permits, order = Permits(1, 2), list[str]()
    bulk = [Holder(permits, "bulk", order, Priority.BULK) for _ in range(3)]
    await until(lambda: permits.waiting == 2)
    caller = Holder(permits, "caller", order, Priority.CALLER)
    await until(lambda: permits.waiting == 3)
    for holder in (*bulk, caller):
        holder.go.set()
    await asyncio.gather(*(holder.task for holder in (*bulk, caller)))
    assert order == ["bulk", "caller", "bulk", "bulk"]


async def test_who_becomes_urgent_while_it_waits_goes_first() -> None:
    permits, order = Permits(2, 10, reserve=0.5), list[str]()
    first = Holder(permits, "bulk", order, Priority.BULK)
    await until(lambda: order == ["bulk"])
    urgency = Urgency(Priority.BULK)

    async def joined() -> None:
        async with permits.held(Priority.BULK, urgency):
            order.append("joined by a caller")

    second = Holder(permits, "more bulk", order, Priority.BULK)
    await until(lambda: permits.waiting == 1)
    task = asyncio.create_task(joined())
    await until(lambda: permits.waiting == 2)
    urgency.rise(Priority.CALLER)
    await task
    assert order == ["bulk", "joined by a caller"]
    for holder in (first, second):
        holder.go.set()
    await asyncio.gather(first.task, second.task)
