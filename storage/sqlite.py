"""A SQLite database behind threads of its own, so that the loop never waits for a disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool, StaticPool

from storage import migrations
from storage.batching import Batcher
from storage.observation import NoObserver, Observer
from storage.sql import Row
from storage.sqlite_batch import Alike, Do, Operation, Together, transact, undo
from storage.sqlite_connection import (
    BUSY_SECONDS,
    OPEN_SECONDS,
    TimedConnection,
    connect,
    plan,
)
from storage.sqlite_thread import ConnectionThread
from storage.tier import TierError

Result = TypeVar("Result")

MEMORY = ":memory:"
WRITES_PER_TRANSACTION = 1000
FAULTS = (sqlite3.Error, UnicodeError)
"""What SQLite's binding raises; the second for a text that no UTF-8 can hold."""


class Sqlite:
    """An open, migrated database: threads that read, search, and write in batches.

    A database in memory has one connection, and one thread does all three.
    """

    dialect = "sqlite"

    def __init__(self, path: str) -> None:
        self.path = self.name = path
        self.observer: Observer = NoObserver()
        self._writer = ConnectionThread(self._connect)
        in_memory = path == MEMORY
        self._reader = self._writer if in_memory else ConnectionThread(self._connect)
        self._searcher = self._writer if in_memory else ConnectionThread(self._connect)
        self._writes: Batcher[Operation, Any] = Batcher(self._serve, WRITES_PER_TRANSACTION)
        self._exclusive = asyncio.Lock()

    @property
    def queued(self) -> dict[str, int]:
        """How many jobs wait for each thread."""
        threads = {"read": self._reader, "search": self._searcher, "write": self._writer}
        return {name: thread.queued for name, thread in threads.items()}

    async def explain(self, statement: str) -> str:
        """Return the plan of *statement*; raise `TierError`."""
        with self._translated():
            return await self.search(lambda c: plan(c, statement))

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

    def alike(self, do: Do, wish: object) -> asyncio.Future[Any]:
        """Do as `write` does; *do* is done once for all who want it one after the other."""
        return self._writes.submit(Alike(do, wish))

    def together(self, do: Do, wish: object) -> asyncio.Future[Any]:
        """Have *do* done once for all of one transaction who want it; return the result for *wish*.

        It comes after what `write` does there.
        """
        return self._writes.submit(Together(do, wish))

    async def rows(self, statement: str, *values: object) -> list[Row]:
        """Return the rows of *statement*, which only reads; raise `TierError`."""
        self.observer.asked()
        with self._translated():
            return await self.search(lambda c: c.execute(statement, values).fetchall())

    async def change(self, statement: str, *values: object) -> int:
        """Return how many rows *statement* has changed, after its commit; raise `TierError`."""
        self.observer.asked()
        with self._translated():
            return await self.write(lambda c: c.execute(statement, values).rowcount)

    async def change_many(self, statement: str, rows: Iterable[Row]) -> int:
        """Do *statement* for each of *rows* in one transaction; raise `TierError`."""
        many = list(rows)
        self.observer.asked()
        with self._translated():
            return await self.write(lambda c: c.executemany(statement, many).rowcount)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        """Keep every other writer waiting; commit on leaving, or undo; raise `TierError`."""
        async with self._exclusive:
            try:
                with self._translated():
                    await self._writer.run(lambda c: c.execute("BEGIN IMMEDIATE"))
                    yield SqliteTransaction(self._writer, self.observer)
                    await self._writer.run(lambda c: c.execute("COMMIT"))
            except BaseException:
                # Jobs keep their order: it is undone before the next writer's turn, even if its
                # caller was cancelled while it began.
                await asyncio.shield(self._writer.run(undo))
                raise

    async def migrate(self) -> None:
        """Bring the tables to the newest revision; raise what SQLite, SQLAlchemy or Alembic do."""
        if self.path == MEMORY:
            await self._writer.run(_migrate_here)
            return
        await self._writer.run(lambda c: c.execute("SELECT 1"))  # the file is in WAL mode from here
        url = URL.create("sqlite+aiosqlite", database=self.path)
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)

    async def close(self) -> None:
        """Finish the writes that were asked for and close the file."""
        await self._writes.settled()
        for thread in {self._reader, self._searcher, self._writer}:
            await thread.close()

    def _connect(self) -> TimedConnection:
        connection = connect(self.path)
        connection.told = self._took
        return connection

    def _took(self, statement: str, seconds: float) -> None:
        self.observer.took(statement, seconds)

    def _serve(self, operations: list[Operation]) -> asyncio.Future[Sequence[Any]]:
        if self._exclusive.locked():
            return asyncio.ensure_future(self._serve_later(operations))
        return self._writer.run(lambda c: transact(c, operations))

    async def _serve_later(self, operations: list[Operation]) -> Sequence[Any]:
        async with self._exclusive:
            return await self._writer.run(lambda c: transact(c, operations))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            raise TierError(f"the database {self.name}: {error}") from error


class SqliteTransaction:
    """The statements of one transaction, each a turn of the writing thread."""

    def __init__(self, thread: ConnectionThread, observer: Observer) -> None:
        self._thread = thread
        self._observer = observer

    async def rows(self, statement: str, *values: object) -> list[Row]:
        """Return the rows of *statement*, which may write and return."""
        self._observer.asked()
        return await self._thread.run(lambda c: c.execute(statement, values).fetchall())

    async def change(self, statement: str, *values: object) -> int:
        """Return how many rows *statement* has changed."""
        self._observer.asked()
        return await self._thread.run(lambda c: c.execute(statement, values).rowcount)

    async def run(self, job: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do what takes many statements in one turn."""
        return await self._thread.run(job)


async def open_sqlite(path: str) -> Sqlite:
    """Open the file at *path*, or ``:memory:``, making and migrating it as needed.

    Raises `TierError` that names the file and says why it cannot be opened.
    """
    database = Sqlite(path)
    try:
        await database.migrate()
        await database.read(lambda connection: connection.execute("SELECT 1").fetchone())
    except (sqlite3.Error, DBAPIError, migrations.ForeignVersionError) as error:
        await database.close()
        raise TierError(f"cannot open the database {path}: {_reason(path, error)}") from error
    return database


def _migrate_here(connection: sqlite3.Connection) -> None:
    """Migrate a database in memory, which nobody but its own connection can see."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as transaction:
        _migrate(transaction)


def _migrate(transaction: Connection) -> None:
    if migrations.current(transaction) == migrations.HEAD:
        return
    # The lock comes before the look at the revision: of two processes that open a new file
    # at once, the second waits here and then finds nothing left to do.
    transaction.exec_driver_sql(f"PRAGMA busy_timeout={int(OPEN_SECONDS * 1000)}")
    transaction.exec_driver_sql("BEGIN IMMEDIATE")
    migrations.upgrade(transaction)
    transaction.commit()
    transaction.exec_driver_sql(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")


def _reason(path: str, error: Exception) -> str:
    file = Path(path)
    if file.is_dir():
        return "it is a folder"
    if not file.parent.is_dir():
        return f"its folder {file.parent} does not exist"
    return str(getattr(error, "orig", None) or error)
