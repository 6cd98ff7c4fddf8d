"""Every statement is told with its time, and never with its values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import DatabaseTier, open_database
from storage.observation import Observable
from storage.postgres import Postgres
from storage.redis import make_redis
from storage.redis_clients import CONNECTIONS
from tests.servers.postgres import Server
from tests.servers.valkey import Valkey
from tests.storage.entries import make_entry

KEY = "v1:public:medicine:planted"


class Seen:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.asks = 0
        self.statements: list[tuple[str, float]] = []
        self.waits: list[float] = []
        self.trips: list[float] = []

    def asked(self) -> None:
        self.asks += 1

    def took(self, statement: str, seconds: float) -> None:
        self.statements.append((statement, seconds))

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def tripped(self, seconds: float) -> None:
        self.trips.append(seconds)


@pytest.fixture(params=["sqlite", "sqlite in memory", "postgresql"])
async def tier(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DatabaseTier]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'seen.db'}"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        url = await server.new_database()
    elif request.param == "sqlite in memory":
        url = "sqlite+aiosqlite:///:memory:"
    opened = await open_database(url)
    yield opened
    await opened.close()


async def test_every_statement_is_told_without_its_values(tier: DatabaseTier) -> None:
    seen = Seen()
    assert isinstance(tier, Observable)
    tier.observe(seen)
    await tier.put(make_entry(KEY, keep_until=4e9))
    assert await tier.get(KEY) is not None
    # PostgreSQL has a transaction around its write.
    asked = 5 if isinstance(tier.database, Postgres) else 2
    assert seen.asks == asked
    await tier.database.rows("SELECT key FROM entries WHERE key = ?", KEY)
    await tier.database.change("DELETE FROM entries WHERE key = ?", KEY)
    async with tier.database.transaction() as transaction:
        await transaction.rows("SELECT position FROM invalidation_state")
    assert seen.asks == asked + 3
    texts = [statement for statement, _ in seen.statements]
    assert "SELECT key FROM entries WHERE key = ?" in texts
    assert "DELETE FROM entries WHERE key = ?" in texts
    assert any("INSERT INTO entries" in text for text in texts)
    assert all(seconds > 0 for _, seconds in seen.statements)
    assert "planted" not in str(texts)


async def test_a_statement_that_fails_is_told_too(tier: DatabaseTier) -> None:
    seen = Seen()
    tier.observe(seen)
    with pytest.raises(Exception, match="nowhere"):
        await tier.database.rows("SELECT 1 FROM nowhere")
    assert [statement for statement, _ in seen.statements] == ["SELECT 1 FROM nowhere"]


async def test_a_plan_says_how_a_statement_is_done_whatever_its_values(tier: DatabaseTier) -> None:
    wanted = "SELECT key FROM entries WHERE key = ? AND keep_until > ?"
    assert "entries" in await tier.database.explain(wanted)
    assert "invalidation_state" in await tier.database.explain(
        "UPDATE invalidation_state SET position = position"
    )


async def test_where_the_rows_are_found_while_they_are_fetched_that_is_counted(
    tmp_path: Path,
) -> None:
    tier = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'slow.db'}")
    seen = Seen()
    tier.observe(seen)
    rows = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
        "SELECT i FROM n"
    )
    await tier.database.rows(rows)
    (slow,) = [seconds for statement, seconds in seen.statements if statement == rows]
    assert slow > 0.01
    await tier.close()


async def test_pools_tell_how_they_are_used(postgres_server: Server, tmp_path: Path) -> None:
    tier = await open_database(await postgres_server.new_database())
    seen = Seen()
    tier.observe(seen)
    async with tier.database.transaction():
        (state,) = {(each.size, each.in_use) for each in tier.pools().values() if each.in_use}
        assert state == (5, 1)
    await tier.database.rows("SELECT 1")
    assert seen.waits
    await tier.close()
    lite = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    assert lite.pools() == {}
    assert lite.queued() == {"read": 0, "search": 0, "write": 0}
    await lite.close()


async def test_round_trips_to_redis_are_told(valkey_server: Valkey, tmp_path: Path) -> None:
    tier = make_redis(
        valkey_server.url, prefix=f"{tmp_path}:", timeout=5.0, on_change=lambda *_: None
    )
    seen = Seen()
    assert isinstance(tier, Observable)
    tier.observe(seen)
    assert await tier.get(KEY) is None
    assert len(seen.trips) == 1
    (pool,) = tier.pools().values()
    assert (pool.size, pool.in_use, pool.idle) == (CONNECTIONS, 0, 1)
    await tier.close()
