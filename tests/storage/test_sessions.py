from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.database import open_database
from storage.sessions import Past, SessionStore
from storage.sql import Database
from storage.tier import TierError
from tests.servers.postgres import Server

A, B, C = (Past("medicine", text, "") for text in "abc")


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    url = "sqlite+aiosqlite:///:memory:"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        url = await server.new_database()
    tier = await open_database(url)
    yield tier.database
    await tier.close()


async def test_the_latest_lookups_are_kept_the_newest_first(database: Database) -> None:
    store = SessionStore(database)
    for at, past in enumerate((A, B, C, A)):
        await store.add("s", past, at, 2)
    assert await store.recent("s", -1, 5) == (A, C)
    assert await store.recent("s", 2, 5) == (A,)
    assert await store.recent("another", -1, 5) == ()


async def test_a_session_is_forgotten_alone(database: Database) -> None:
    store = SessionStore(database)
    await store.add("s", A, 1, 5)
    await store.add("s", B, 2, 5)
    await store.add("t", A, 1, 5)
    assert await store.forget("s") == 2
    assert await store.recent("s", 0, 5) == ()
    assert await store.recent("t", 0, 5) == (A,)


async def test_what_is_past_its_time_is_removed(database: Database) -> None:
    store = SessionStore(database)
    await store.add("s", A, 1, 5)
    await store.add("s", B, 2, 5)
    assert await store.purge(1) == 1
    assert await store.recent("s", 0, 5) == (B,)


async def test_a_table_that_is_gone_is_a_tier_error(database: Database) -> None:
    await database.change("DROP TABLE sessions")
    store = SessionStore(database)
    with pytest.raises(TierError, match="sessions"):
        await store.recent("s", 0, 5)
    with pytest.raises(TierError, match="sessions"):
        await store.add("s", A, 1, 5)
    with pytest.raises(TierError, match="sessions"):
        await store.forget("s")
