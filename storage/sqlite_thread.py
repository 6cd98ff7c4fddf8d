"""One SQLite connection and the one thread that uses it: the loop never waits for a disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from storage.sqlite_connection import TimedConnection

Result = TypeVar("Result")


class ConnectionThread:
    """One connection and the one thread that uses it, in order."""

    def __init__(self, connect: Callable[[], TimedConnection]) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._connect = connect
        self._connection: TimedConnection | None = None
        self._thread = threading.Thread(target=self._work, name="sqlite", daemon=True)
        self._thread.start()

    def run(self, job: Callable[[sqlite3.Connection], Result]) -> asyncio.Future[Result]:
        """Return the future result of *job*, or whatever it raises."""
        return self._call(lambda: self._do(job))

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return self._jobs.qsize()

    async def close(self) -> None:
        """Finish what was asked for, close the connection and end the thread."""
        await self._call(self._shut)
        self._jobs.put(None)

    def _call(self, job: Callable[[], Result]) -> asyncio.Future[Result]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def work() -> None:
            try:
                result = job()
            except Exception as error:  # noqa: BLE001 - it is raised where the future is awaited
                self._tell(loop, _fail, future, error)
            else:
                self._tell(loop, _succeed, future, result)

        self._jobs.put(work)
        return future

    def _do(self, job: Callable[[sqlite3.Connection], Result]) -> Result:
        connection = self._open()
        try:
            return job(connection)
        finally:
            connection.ended()

    def _open(self) -> TimedConnection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    @staticmethod
    def _tell(loop: asyncio.AbstractEventLoop, *call: Any) -> None:
        if not loop.is_closed():  # nobody is left to tell when the loop ended first
            loop.call_soon_threadsafe(*call)


def _succeed(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
