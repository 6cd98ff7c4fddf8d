"""The road to a PostgreSQL server: its connections, and whether it is asked at all.

SQLAlchemy makes, counts, retires and hands out connections; who has one talks to asyncpg itself
(docs/decisions.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import asyncpg
from sqlalchemy import URL, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, Pool, QueuePool

from storage.liveness import Liveness
from storage.observation import PoolState
from storage.postgres_tls import secured

FAULTS = (
    *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
    *(SQLAlchemyError, OSError, UnicodeError),
)
"""What a server, a pool and a network raise; `TimeoutError` is an `OSError`."""
LEAVING = 2.0
"""Seconds that a server has to take leave of all connections."""


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
    silence: float = 4.0
    """For a server that says nothing at all, not even to a new connection: it is away."""


class PostgresLink:
    """The pool of a server, and what watches over everything that is asked of it."""

    def __init__(self, url: URL, settings: PoolSettings) -> None:
        self.engine = _engine(url, settings, QueuePool)
        self._trials = _engine(url, settings, NullPool)
        self.liveness = Liveness(
            f"{url.host}:{url.port or 5432}/{url.database}", self._answers, settings.silence
        )
        self._drivers: WeakSet[asyncpg.Connection] = WeakSet()
        event.listen(self.engine.sync_engine, "connect", self._made)

    @property
    def pool(self) -> PoolState:
        """How the connections are used now."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        return PoolState(pool.size(), pool.checkedout(), pool.checkedin())

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection of the pool; raise what is in `FAULTS`, or `TierAwayError`."""
        async with self.liveness.asking(), self._pooled() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection that commits on leaving, or undoes all where the context raises."""
        async with self.connection() as connection:
            await connection.execute("BEGIN")
            try:
                yield connection
            except BaseException as error:
                # asyncpg's own context would say ROLLBACK behind a statement that may never end.
                if _fit(connection, error):
                    await connection.execute("ROLLBACK")
                raise
            await connection.execute("COMMIT")

    @asynccontextmanager
    async def listening(self, channel: str) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection that hears *channel*; while it is silent nobody waits for it."""
        async with AsyncExitStack() as stack:
            async with self.liveness.asking():
                connection = await stack.enter_async_context(self._pooled())
                await connection.execute(f'LISTEN "{channel}"')
            try:
                yield connection
            finally:
                if not connection.is_closed():
                    await self._unlisten(connection)

    async def close(self) -> None:
        """Close every connection, whether the server takes leave of it or not."""
        await self.liveness.close()
        try:
            async with asyncio.timeout(LEAVING):
                await self.engine.dispose()
        except TimeoutError:
            for driver in self._drivers:
                driver.terminate()
            await self.engine.dispose()

    async def _unlisten(self, connection: asyncpg.Connection) -> None:
        try:
            async with self.liveness.asking():
                await connection.execute("UNLISTEN *")
        except BaseException:
            connection.terminate()  # nobody else can use it
            raise

    @asynccontextmanager
    async def _pooled(self) -> AsyncIterator[asyncpg.Connection]:
        async with self.engine.connect() as pooled:
            driver = await _living(pooled)
            try:
                yield driver
            except BaseException as error:
                if not _fit(driver, error):
                    driver.terminate()
                raise
            finally:
                if driver.is_closed():
                    await pooled.invalidate()

    async def _answers(self) -> bool:
        """Say whether the server answers a connection of its own; one that refuses it does."""
        try:
            async with self._trials.connect() as connection:
                await connection.exec_driver_sql("SELECT 1")
        except FAULTS as error:
            code = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
            # 57P: it starts, or ends.
            return isinstance(code, str) and not code.startswith("57P")
        return True

    def _made(self, connection: Any, _record: object) -> None:
        self._drivers.add(connection.driver_connection)


def _fit(connection: asyncpg.Connection, error: BaseException) -> bool:
    """Say whether *connection* can be used after *error*: nothing that was begun still goes on."""
    unfit = (TimeoutError, asyncpg.InternalClientError)
    ended = isinstance(error, Exception) and not isinstance(error, unfit)
    return ended and not connection.is_closed()


def _engine(url: URL, settings: PoolSettings, pool: type[Pool]) -> AsyncEngine:
    sizes: dict[str, float] = {}
    if pool is QueuePool:
        sizes = {
            "pool_size": settings.size,
            "max_overflow": settings.overflow,
            "pool_timeout": settings.wait,
            "pool_recycle": settings.recycle,
        }
    target = secured(url)
    return create_async_engine(
        target.url.set(drivername="postgresql+asyncpg"),
        isolation_level="AUTOCOMMIT",
        **({"poolclass": pool} if pool is NullPool else sizes),
        connect_args={
            "timeout": settings.connect,
            "command_timeout": settings.statement + 1,
            **({} if target.trust is None else {"ssl": target.trust}),
            "server_settings": {
                "application_name": "lookup-gateway",
                "statement_timeout": str(int(settings.statement * 1000)),
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
