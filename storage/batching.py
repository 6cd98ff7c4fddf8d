"""Requests that come together are served together: one round trip for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Request = TypeVar("Request")
Reply = TypeVar("Reply")


class Batcher(Generic[Request, Reply]):
    """Gathers the requests of one tick of the loop, and all that come while a batch is out.

    At most one batch is out at a time, so requests are served in the order in which they came.
    *serve* answers a batch with one reply for each request, in order; its error becomes the
    error of each of them, and with *fail_waiting* also that of all that wait behind them: who
    has waited for a server that does not answer shall not wait again.
    """

    def __init__(
        self,
        serve: Callable[[list[Request]], asyncio.Future[Sequence[Reply]]],
        limit: int,
        *,
        fail_waiting: bool = False,
    ) -> None:
        self._serve = serve
        self._limit = limit
        self._fail_waiting = fail_waiting
        self._waiting: deque[tuple[Request, asyncio.Future[Reply]]] = deque()
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(self, request: Request) -> asyncio.Future[Reply]:
        """Return the future reply to *request*; cancelling it hinders no other."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting.append((request, future))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            loop.call_soon(self._start)
        return future

    async def settled(self) -> None:
        """Return when nothing waits and no batch is out."""
        await self._idle.wait()

    def _start(self) -> None:
        if not self._waiting:
            self._busy = False
            self._idle.set()
            return
        size = min(len(self._waiting), self._limit)
        batch = [self._waiting.popleft() for _ in range(size)]
        out = self._serve([request for request, _ in batch])
        out.add_done_callback(lambda done: self._finish(batch, done))

    def _finish(
        self,
        batch: list[tuple[Request, asyncio.Future[Reply]]],
        done: asyncio.Future[Sequence[Reply]],
    ) -> None:
        error = done.exception()
        replies: Sequence[Reply] = () if error else done.result()
        if error and self._fail_waiting:
            batch += self._waiting
            self._waiting.clear()
        for index, (_, future) in enumerate(batch):
            if future.done():  # its caller has left
                continue
            if error:
                future.set_exception(error)
            else:
                future.set_result(replies[index])
        self._start()
