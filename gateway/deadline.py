"""Bounds in time for what each miss does: as `asyncio.timeout` and `asyncio.shield`, at less cost.

Those two make five objects and two coroutines each; a timer and a future do here.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Deadline:
    """Cancels the task that enters it after *seconds*, and raises `TimeoutError` in its place."""

    __slots__ = ("_before", "_over", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._over = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._before = task, task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        # Who was cancelled by another as well is cancelled.
        alone = self._over and self._task.uncancel() <= self._before
        if alone and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def _end(self) -> None:
        self._over = True
        self._task.cancel()


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
    timer = None if within is None else loop.call_later(max(within, 0.0), _end, waiter)
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
