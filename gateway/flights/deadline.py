"""Waiting for a task that others wait for too: as `asyncio.shield` and a timeout, at less cost.

Those two make five objects and two coroutines; a timer and a future do here.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

T = TypeVar("T")


async def landing(task: asyncio.Task[T], within: float | None) -> T:
    """Return what *task* returns, or raise what it raises; it goes on if this is cancelled.

    Raise `TimeoutError` where that takes longer than *within* seconds.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[T] = loop.create_future()

    def tell(done: asyncio.Task[T]) -> None:
        if not waiter.done():
            _tell(waiter, done)

    task.add_done_callback(tell)
    timer = None if within is None else loop.call_later(within, _end, waiter)
    try:
        return await waiter
    finally:
        if timer is not None:
            timer.cancel()
        task.remove_done_callback(tell)


def _tell(waiter: asyncio.Future[T], done: asyncio.Task[T]) -> None:
    if done.cancelled():
        waiter.cancel()
        return
    error = done.exception()
    if error is None:
        waiter.set_result(done.result())
    else:
        waiter.set_exception(error)


def _end(waiter: asyncio.Future[Any]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
