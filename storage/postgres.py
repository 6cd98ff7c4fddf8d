"""A PostgreSQL database: statements, which go to asyncpg itself, and transactions."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from time import perf_counter

import asyncpg
from sqlalchemy import URL

from storage import migrations
from storage.liveness import OnChange
from storage.observation import NoObserver, Observer, PoolState, timed
from storage.postgres_link import FAULTS, PoolSettings, PostgresLink
from storage.sql import Row
from storage.tier import TierError

__all__ = ["FAULTS", "PoolSettings", "Postgres", "PostgresTransaction", "open_postgres"]
_PLACE = re.compile(r"\$\d+")


class Postgres:
    """An open database of a server; any number of statements at once, as its pool allows."""

    dialect = "postgresql"

    def __init__(self, url: URL, pool: PoolSettings) -> None:
        self.name = f"{url.host}:{url.port or 5432}/{url.database}"
        self.observer: Observer = NoObserver()
        self._link = PostgresLink(url, pool)
        self._engine = self._link.engine

    @property
    def pool(self) -> PoolState:
        """How the connections are used now."""
        return self._link.pool

    def on_change(self, told: OnChange) -> None:
        """Have *told* be told when the server falls silent, and when it answers again."""
        self._link.liveness.on_change = told

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
            async with self._link.transaction() as connection:
                yield PostgresTransaction(connection, self.observer)

    @asynccontextmanager
    async def listening(self, channel: str) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection of one's own, outside of the pool's count; raise `TierError`."""
        with self._translated():
            async with self._link.listening(channel) as connection:
                yield connection

    async def migrate(self) -> None:
        """Bring the tables to the newest revision; raise what SQLAlchemy, asyncpg or Alembic do."""
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="READ COMMITTED")
            await connection.run_sync(migrations.upgrade_alone)

    async def close(self) -> None:
        """Close every connection."""
        await self._link.close()

    async def explain(self, statement: str) -> str:
        """Return the plan that *statement* has whatever its values are; raise `TierError`."""
        text = numbered(statement)
        nulls = ", ".join(["NULL"] * len({*_PLACE.findall(text)}))
        with self._translated():
            async with self._link.transaction() as connection:
                await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
                await connection.execute(f"PREPARE explained AS {text}")
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
        async with self._link.connection() as connection:
            self.observer.waited(perf_counter() - started)
            with timed(self.observer, statement):
                yield connection

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
    except (*FAULTS, migrations.ForeignVersionError) as error:
        await database.close()
        reason = str(getattr(error, "orig", None) or error) or type(error).__name__
        raise TierError(f"cannot open the database {database.name}: {reason}") from error
    return database


@lru_cache(maxsize=512)
def numbered(statement: str) -> str:
    """Return *statement* with its ``?`` as PostgreSQL counts them: ``$1``, ``$2``, …"""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


def _count(status: str) -> int:
    """Return the number in a command's tag, such as ``DELETE 3``."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0
