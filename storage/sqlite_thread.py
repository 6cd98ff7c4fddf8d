"""One SQLite connection and the one thread that uses it: the loop never waits for a disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from storage.sqlite_connection import TimedConnection

Result = TypeVar("Result")
Job = Callable[[], Any]


class ConnectionThread:
    """One connection and the one thread that uses it, in order."""

    def __init__(self, connect: Callable[[], TimedConnection]) -> None:
        self._jobs: SimpleQueue[tuple[Job, asyncio.Future[Any]] | None] = SimpleQueue()
        self._connect = connect
        self._connection: TimedConnection | None = None
        self._thread = threading.Thread(target=self._work, name="sqlite", daemon=True)
        self._thread.start()

    def run(self, job: Callable[[sqlite3.Connection], Result]) -> asyncio.Future[Result]:
        """Return the future result of *job*, or whatever it raises."""
        return self._call(partial(self._do, job))

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return self._jobs.qsize()

    async def close(self) -> None:
        """Finish what was asked for, close the connection and end the thread."""
        await self._call(self._shut)
        self._jobs.put(None)

    def _call(self, job: Callable[[], Result]) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._jobs.put((job, future))
        return future

    def _do(self, job: Callable[[sqlite3.Connection], Result]) -> Result:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._connect()
        try:
            return job(connection)
        finally:
            connection.ended()

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _work(self) -> None:
        while (asked := self._jobs.get()) is not None:
            _answer(*asked)
            del asked  # nothing is held while there is nothing to do


def _answer(job: Job, future: asyncio.Future[Any]) -> None:
    try:
        result = job()
    except Exception as error:  # noqa: BLE001 - it is raised where the future is awaited
        _tell(future, _fail, error)
    else:
        _tell(future, _succeed, result)


def _tell(future: asyncio.Future[Any], how: Callable[..., None], result: object) -> None:
    loop = future.get_loop()
    if not loop.is_closed():  # nobody is left to tell when the loop ended first
        loop.call_soon_threadsafe(how, future, result)


def _succeed(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
