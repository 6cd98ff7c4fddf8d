"""A PostgreSQL database through SQLAlchemy's pool and asyncpg's own statements.

SQLAlchemy makes, counts, retires and hands out connections; statements go to asyncpg itself
(docs/decisions.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any

import asyncpg
from alembic.util import CommandError
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from storage import migrations
from storage.observation import NoObserver, Observer, PoolState, timed
from storage.sql import Row
from storage.tier import TierError

FAULTS = (
    *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
    *(SQLAlchemyError, OSError, UnicodeError),
)
"""What a server, a pool and a network raise; `TimeoutError` is an `OSError`."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How many connections are kept, and for how long each thing is waited for, in seconds."""

    size: int = 5
    overflow: int = 5
    """Further connections while many are wanted at once."""
    wait: float = 5.0
    """For a connection of a pool that is all in use."""
    connect: float = 10.0
    statement: float = 30.0
    recycle: float = 600.0
    """A connection older than this is replaced when it is next asked for."""


class Postgres:
    """An open database of a server; any number of statements at once, as its pool allows."""

    dialect = "postgresql"

    def __init__(self, url: URL, pool: PoolSettings) -> None:
        self.name = f"{url.host}:{url.port or 5432}/{url.database}"
        self.observer: Observer = NoObserver()
        self._engine = _engine(url, pool)

    @property
    def pool(self) -> PoolState:
        """How the connections are used now."""
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        return PoolState(pool.size(), pool.checkedout(), pool.checkedin())

    async def rows(self, statement: str, *values: object) -> list[Row]:
        """Return the rows of *statement*, each by itself committed; raise `TierError`."""
        with self._translated():
            async with self._doing(statement) as connection:
                return [*await connection.fetch(numbered(statement), *values)]

    async def change(self, statement: str, *values: object) -> int:
        """Return how many rows *statement* has changed, after its commit; raise `TierError`."""
        with self._translated():
            async with self._doing(statement) as connection:
                return _count(await connection.execute(numbered(statement), *values))

    async def change_many(self, statement: str, rows: Iterable[Row]) -> int:
        """Do *statement* for each of *rows* in one transaction; raise `TierError`."""
        many = list(rows)
        with self._translated():
            async with self._doing(statement) as connection:
                await connection.executemany(numbered(statement), many)
        return len(many)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        """Commit on leaving, or undo where the context raises; raise `TierError`."""
        with self._translated():
            async with self._connection() as connection, connection.transaction():
                yield PostgresTransaction(connection, self.observer)

    @asynccontextmanager
    async def listening(self, channel: str) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection of one's own, outside of the pool's count; raise `TierError`."""
        with self._translated():
            async with self._connection() as connection:
                await connection.execute(f'LISTEN "{channel}"')
                try:
                    yield connection
                finally:
                    if not connection.is_closed():
                        await connection.execute("UNLISTEN *")

    async def migrate(self) -> None:
        """Bring the tables to the newest revision; raise what SQLAlchemy, asyncpg or Alembic do."""
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="READ COMMITTED")
            await connection.run_sync(migrations.upgrade_alone)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    async def explain(self, statement: str) -> str:
        """Return the plan that *statement* has whatever its values are; raise `TierError`."""
        nulls = ", ".join(["NULL"] * statement.count("?"))
        with self._translated():
            async with self._connection() as connection, connection.transaction():
                await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
                await connection.execute(f"PREPARE explained AS {numbered(statement)}")
                try:
                    call = f"explained({nulls})" if nulls else "explained"
                    rows = await connection.fetch(f"EXPLAIN EXECUTE {call}")
                finally:
                    await connection.execute("DEALLOCATE explained")
        return "\n".join(row[0] for row in rows)

    @asynccontextmanager
    async def _doing(self, statement: str) -> AsyncIterator[asyncpg.Connection]:
        self.observer.asked()
        started = perf_counter()
        async with self._connection() as connection:
            self.observer.waited(perf_counter() - started)
            with timed(self.observer, statement):
                yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        async with self._engine.connect() as pooled:
            driver = await _living(pooled)
            try:
                yield driver
            except (asyncio.CancelledError, asyncpg.InternalClientError):
                # What was begun on it may still go on: nobody else can use it.
                driver.terminate()
                raise
            finally:
                if driver.is_closed():
                    await pooled.invalidate()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            reason = str(getattr(error, "orig", None) or error) or type(error).__name__
            raise TierError(f"the database {self.name}: {reason}") from error


class PostgresTransaction:
    """The statements of one transaction, on a connection of its own."""

    def __init__(self, connection: asyncpg.Connection, observer: Observer) -> None:
        self._connection = connection
        self._observer = observer

    async def rows(self, statement: str, *values: object) -> list[Row]:
        """Return the rows of *statement*, which may write and return."""
        self._observer.asked()
        with timed(self._observer, statement):
            return [*await self._connection.fetch(numbered(statement), *values)]

    async def change(self, statement: str, *values: object) -> int:
        """Return how many rows *statement* has changed."""
        self._observer.asked()
        with timed(self._observer, statement):
            return _count(await self._connection.execute(numbered(statement), *values))


async def open_postgres(url: URL, pool: PoolSettings) -> Postgres:
    """Open the database at *url*, migrating it as needed.

    Raises `TierError` that names the server and says why it cannot be opened.
    """
    database = Postgres(url, pool)
    try:
        await database.migrate()
    except (*FAULTS, CommandError) as error:
        await database.close()
        reason = str(getattr(error, "orig", None) or error) or type(error).__name__
        if isinstance(error, CommandError):  # Alembic: "Can't locate revision identified by …"
            reason = f"another version of the gateway has migrated it ({error})"
        raise TierError(f"cannot open the database {database.name}: {reason}") from error
    return database


@lru_cache(maxsize=512)
def numbered(statement: str) -> str:
    """Return *statement* with its ``?`` as PostgreSQL counts them: ``$1``, ``$2``, …"""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


def _engine(url: URL, pool: PoolSettings) -> AsyncEngine:
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        isolation_level="AUTOCOMMIT",
        pool_size=pool.size,
        max_overflow=pool.overflow,
        pool_timeout=pool.wait,
        pool_recycle=pool.recycle,
        connect_args={
            "timeout": pool.connect,
            "command_timeout": pool.statement + 1,
            "server_settings": {
                "application_name": "lookup-gateway",
                "statement_timeout": str(int(pool.statement * 1000)),
                "jit": "off",
            },
        },
    )


async def _living(pooled: AsyncConnection) -> asyncpg.Connection:
    """Return the driver's connection; one that the server has closed is replaced.

    asyncpg knows of a closed socket at once, so that the check costs no round trip.
    """
    while True:
        driver: Any = (await pooled.get_raw_connection()).driver_connection
        if not driver.is_closed():
            return driver
        await pooled.invalidate()


def _count(status: str) -> int:
    """Return the number in a command's tag, such as ``DELETE 3``."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0
