"""A SQLite database behind threads of its own, so that the loop never waits for a disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from alembic.util import CommandError
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from storage import migrations
from storage.batching import Batcher
from storage.tier import TierError

Result = TypeVar("Result")
Operation = Callable[[sqlite3.Connection], Any]
"""What one writer wants done within the transaction of its batch."""

MEMORY = ":memory:"
BUSY_SECONDS = 5.0
"""How long a statement waits for another process's lock."""
OPEN_SECONDS = 30.0
"""How long opening waits for another process that is migrating the same file."""
WRITES_PER_TRANSACTION = 1000


class ConnectionThread:
    """One connection and the one thread that uses it, in order."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._thread = threading.Thread(target=self._work, name="sqlite", daemon=True)
        self._thread.start()

    def run(self, job: Callable[[sqlite3.Connection], Result]) -> asyncio.Future[Result]:
        """Return the future result of *job*, or whatever it raises."""
        return self._call(lambda: job(self._open()))

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

    def _open(self) -> sqlite3.Connection:
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


class Sqlite:
    """An open, migrated database: threads that read, search, and write in batches.

    A database in memory has one connection, and one thread does all three.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._writer = ConnectionThread(lambda: _connect(path))
        in_memory = path == MEMORY
        self._reader = self._writer if in_memory else ConnectionThread(lambda: _connect(path))
        self._searcher = self._writer if in_memory else ConnectionThread(lambda: _connect(path))
        self._writes: Batcher[Operation, Any] = Batcher(
            lambda operations: self._writer.run(lambda c: _transact(c, operations)),
            WRITES_PER_TRANSACTION,
        )

    def read(self, job: Callable[[sqlite3.Connection], Result]) -> asyncio.Future[Result]:
        """Run *job*, which only reads, on the reading connection."""
        return self._reader.run(job)

    def search(self, job: Callable[[sqlite3.Connection], Result]) -> asyncio.Future[Result]:
        """Run *job*, which only reads and may take a while, where it holds back no `read`."""
        return self._searcher.run(job)

    def write(self, operation: Callable[[sqlite3.Connection], Result]) -> asyncio.Future[Result]:
        """Run *operation* in one transaction with the others of this tick, in order.

        The result is there after the commit. If any operation of the batch fails, none is done.
        """
        return self._writes.submit(operation)

    async def migrate(self) -> None:
        """Bring the tables to the newest revision; raise what SQLite, SQLAlchemy or Alembic do."""
        await self._writer.run(_migrate)

    async def close(self) -> None:
        """Finish the writes that were asked for and close the file."""
        await self._writes.settled()
        for thread in {self._reader, self._searcher, self._writer}:
            await thread.close()


async def open_sqlite(path: str) -> Sqlite:
    """Open the file at *path*, or ``:memory:``, making and migrating it as needed.

    Raises `TierError` that names the file and says why it cannot be opened.
    """
    database = Sqlite(path)
    try:
        await database.migrate()
        await database.read(lambda connection: connection.execute("SELECT 1").fetchone())
    except (sqlite3.Error, DBAPIError, CommandError) as error:
        await database.close()
        raise TierError(f"cannot open the database {path}: {_reason(path, error)}") from error
    return database


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # SQLite does not honour the busy timeout while two processes switch a new file to WAL.
    deadline = time.monotonic() + OPEN_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _migrate(connection: sqlite3.Connection) -> None:
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as transaction:
        if migrations.current(transaction) == migrations.HEAD:
            return
        # The lock comes before the look at the revision: of two processes that open a new file
        # at once, the second waits here and then finds nothing left to do.
        transaction.exec_driver_sql(f"PRAGMA busy_timeout={int(OPEN_SECONDS * 1000)}")
        transaction.exec_driver_sql("BEGIN IMMEDIATE")
        migrations.upgrade(transaction)
        transaction.commit()
        transaction.exec_driver_sql(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")


def _transact(connection: sqlite3.Connection, operations: list[Operation]) -> Sequence[Any]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = [operation(connection) for operation in operations]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def _reason(path: str, error: Exception) -> str:
    file = Path(path)
    if file.is_dir():
        return "it is a folder"
    if not file.parent.is_dir():
        return f"its folder {file.parent} does not exist"
    if isinstance(error, CommandError):  # Alembic: "Can't locate revision identified by …"
        return f"another version of the gateway has migrated it ({error})"
    return str(getattr(error, "orig", None) or error)


def _succeed(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
