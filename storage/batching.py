"""Requests that come together are served together: one round trip for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

Request = TypeVar("Request")
Reply = TypeVar("Reply")
Batch = list[tuple[Request, asyncio.Future[Reply]]]


class Batcher(Generic[Request, Reply]):
    """Gathers the requests of one tick of the loop, and all that come while a batch is out.

    Batches leave in the order in which their requests came: at the end of the tick if none is out,
    and else as soon as *enough* have come and fewer than *most* are out. *serve* answers a batch
    with one reply for each request, in order; its error becomes the error of each of them, and with
    *fail_all* also that of all that wait behind them or are out: who has waited for a server that
    does not answer shall not wait again.
    """

    def __init__(
        self,
        serve: Callable[[list[Request]], asyncio.Future[Sequence[Reply]]],
        limit: int,
        *,
        fail_all: bool = False,
        most: int = 1,
        enough: int = 0,
    ) -> None:
        self._serve = serve
        self._limit = limit
        self._fail_all = fail_all
        self._most = most
        self._enough = enough or limit
        self._waiting: deque[tuple[Request, asyncio.Future[Reply]]] = deque()
        self._out: list[Batch[Request, Reply]] = []
        self._called = False
        """Whether the end of this tick is waited for."""
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(self, request: Request) -> asyncio.Future[Reply]:
        """Return the future reply to *request*; cancelling it hinders no other."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting.append((request, future))
        if self._called or self._out:
            if len(self._waiting) >= self._enough and len(self._out) < self._most:
                self._start()
        else:
            self._called = True
            self._idle.clear()
            loop.call_soon(self._end_tick)
        return future

    async def settled(self) -> None:
        """Return when nothing waits and no batch is out."""
        await self._idle.wait()

    def _end_tick(self) -> None:
        self._called = False
        self._go_on()

    def _go_on(self) -> None:
        out = len(self._out)
        if self._waiting:
            if not out or (out < self._most and len(self._waiting) >= self._enough):
                self._start()
        elif not out:
            self._idle.set()

    def _start(self) -> None:
        size = min(len(self._waiting), self._limit)
        batch = [self._waiting.popleft() for _ in range(size)]
        self._out.append(batch)
        done = self._serve([request for request, _ in batch])
        done.add_done_callback(lambda done: self._finish(batch, done))

    def _finish(self, batch: Batch[Request, Reply], done: asyncio.Future[Sequence[Reply]]) -> None:
        self._out.remove(batch)
        error = done.exception()
        if error is None:
            for (_, future), reply in zip(batch, done.result(), strict=True):
                if not future.done():  # else its caller has left
                    future.set_result(reply)
        else:
            _fail(batch, error)
            if self._fail_all:
                for other in (*self._out, self._waiting):
                    _fail(other, error)
                self._waiting.clear()
        self._go_on()


def _fail(batch: Iterable[tuple[object, asyncio.Future[Any]]], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
