"""A real server: the schema, the pool, broken connections, and what transactions promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from storage.postgres import PoolSettings, Postgres, numbered, open_postgres
from storage.schema import metadata
from storage.tier import TierError
from tests.servers.postgres import Server
from tests.waiting import eventually

OWN = {
    *("labels", "entries_labels", "terms", "grams"),
    *("items_grams", "items_shortest", "items_first", "items_second"),
}
"""What PostgreSQL has and the common schema does not."""


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Postgres]:
    opened = await open_postgres(make_url(postgres_url), PoolSettings(size=2, overflow=0, wait=0.2))
    yield opened
    await opened.close()


async def test_the_migrations_make_what_the_schema_says(database: Postgres) -> None:
    def compare(connection: Connection) -> list[object]:
        options = {"include_name": lambda name, *_: name not in OWN}
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        )

    async with database._engine.connect() as connection:
        assert await connection.run_sync(compare) == []


async def test_several_who_open_a_new_database_at_once_all_succeed(postgres_server: Server) -> None:
    url = make_url(await postgres_server.new_database(migrated=False))
    opened = await asyncio.gather(*(open_postgres(url, PoolSettings()) for _ in range(4)))
    for each in opened:
        assert await each.rows("SELECT position FROM invalidation_state") != []
        await each.close()


async def test_tables_of_a_newer_version_are_refused(postgres_url: str, database: Postgres) -> None:
    await database.change("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(TierError, match="another version of the gateway"):
        await open_postgres(make_url(postgres_url), PoolSettings())


async def test_a_server_that_is_away_is_named_without_its_password() -> None:
    url = make_url("postgresql+asyncpg://user:secret@127.0.0.1:9/name")
    with pytest.raises(TierError, match=r"127\.0\.0\.1:9/name") as caught:
        await open_postgres(url, PoolSettings())
    assert "secret" not in str(caught.value)


async def test_a_connection_that_was_closed_is_replaced_before_it_is_used(
    database: Postgres, postgres_server: Server
) -> None:
    await asyncio.gather(database.rows("SELECT 1"), database.rows("SELECT 2"))
    assert (database.pool.idle, database.pool.in_use) == (2, 0)
    name = database.name.rpartition("/")[2]
    await postgres_server.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"

    async def gone() -> bool:
        return bool((await postgres_server.run(count))[0][0] == 0)

    await eventually(gone)
    await asyncio.sleep(0.2)  # until their ends have come
    assert [row[0] for row in await database.rows("SELECT 3")] == [3]


async def test_who_waits_too_long_for_a_connection_is_told(database: Postgres) -> None:
    async with database.transaction(), database.transaction():
        assert (database.pool.idle, database.pool.in_use) == (0, 2)
        with pytest.raises(TierError):
            await database.rows("SELECT 1")
    assert len(await database.rows("SELECT 1")) == 1


async def test_the_server_ends_a_statement_that_takes_too_long(postgres_url: str) -> None:
    opened = await open_postgres(make_url(postgres_url), PoolSettings(statement=0.2))
    with pytest.raises(TierError, match="statement timeout"):
        await opened.rows("SELECT pg_sleep(5)")
    await opened.close()


async def test_a_transaction_that_raises_is_undone(database: Postgres) -> None:
    async def fail() -> None:
        async with database.transaction() as transaction:
            assert await transaction.change("INSERT INTO replicas VALUES (?, ?, ?)", "a", 1, 2) == 1
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await fail()
    assert await database.rows("SELECT * FROM replicas") == []


async def test_many_rows_are_one_transaction(database: Postgres) -> None:
    insert = "INSERT INTO replicas VALUES (?, ?, ?)"
    with pytest.raises(TierError, match="duplicate key"):
        await database.change_many(insert, [("a", 1, 1), ("b", 1, 1), ("a", 1, 1)])
    assert await database.change_many(insert, [("a", 1, 1), ("b", 1, 1)]) == 2
    assert await database.change("DELETE FROM replicas") == 2


def test_places_are_numbered_in_their_order() -> None:
    assert numbered("a = ? AND b = ANY(?::text[])") == "a = $1 AND b = ANY($2::text[])"
