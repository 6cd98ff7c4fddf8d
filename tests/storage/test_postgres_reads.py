"""Reads go to streaming replicas that keep up; what was written here is read back at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.engine import make_url

from storage.database import DatabaseTier, open_database
from storage.entry import Entry, encode
from storage.invalidation import InvalidationLog
from storage.postgres import PoolSettings, Postgres, open_postgres
from storage.postgres_reads import MAX_LAG, PostgresReads
from storage.withdrawals import Scope
from tests.clocks import ManualClock
from tests.servers.postgres import Server, replica_of
from tests.storage.entries import make_entry
from tests.waiting import eventually


def entry(number: int, body: bytes = b"1") -> Entry:
    return make_entry(f"v1:public:medicine:{number}", body)


def on(server: Server, url: str) -> str:
    return server.url(url.rpartition("/")[2])


@pytest.fixture(scope="module")
def replica(postgres_server: Server) -> Iterator[Server]:
    """One that these tests may stop."""
    with replica_of(postgres_server) as server:
        yield server


async def _paused(replica: Server, paused: bool) -> None:
    await replica.run(f"SELECT pg_wal_replay_{'pause' if paused else 'resume'}()")


async def _has(server: Server, url: str, key: str) -> bool:
    try:
        rows = await server.run(
            f"SELECT 1 FROM entries WHERE key = '{key}'", url.rpartition("/")[2]
        )
    except Exception:
        return False  # the database itself has not come yet
    return bool(rows)


@pytest.fixture
async def tier(postgres_url: str, replica: Server) -> AsyncIterator[DatabaseTier]:
    opened = await open_database(postgres_url, PoolSettings(), [on(replica, postgres_url)])
    reads = opened.reads
    assert reads is not None

    async def ready() -> bool:
        await reads.look()
        return reads.rotation != ()

    await eventually(ready)
    yield opened
    await _paused(replica, False)
    await opened.close()


async def test_a_read_is_the_replicas(
    tier: DatabaseTier, postgres_url: str, replica: Server, postgres_server: Server
) -> None:
    await postgres_server.run(
        "INSERT INTO entries (key, source, wire, stored_at, keep_until) "
        f"VALUES ('{entry(1).key}', 'medicine', '\\x{encode(entry(1)).hex()}', 0, 0)",
        postgres_url.rpartition("/")[2],
    )
    await eventually(lambda: _has(replica, postgres_url, entry(1).key))
    await _paused(replica, True)
    await postgres_server.run("DELETE FROM entries", postgres_url.rpartition("/")[2])
    assert await tier.get(entry(1).key) is not None


async def test_what_was_just_written_is_read_from_a_server_that_has_it(
    tier: DatabaseTier, replica: Server, postgres_url: str
) -> None:
    reads = tier.reads
    assert reads is not None
    await _paused(replica, True)
    await tier.put(entry(1, b"new"))
    assert reads.rotation != ()
    assert not await _has(replica, postgres_url, entry(1).key)
    found = await tier.get(entry(1).key)
    assert found is not None
    assert found.records.body == b"new"
    other = await asyncio.gather(tier.get(entry(1).key), tier.get(entry(9).key))
    assert [each is None for each in other] == [False, True]
    await _paused(replica, False)

    async def caught_up() -> bool:
        await reads.look()
        return await _has(replica, postgres_url, entry(1).key)

    await eventually(caught_up)
    assert await tier.get(entry(1).key) is not None


async def test_a_replica_never_hides_a_withdrawal(
    tier: DatabaseTier, replica: Server, postgres_url: str
) -> None:
    await tier.put(entry(1))
    await eventually(lambda: _has(replica, postgres_url, entry(1).key))
    await _paused(replica, True)
    await InvalidationLog(tier.database).withdraw(Scope("all", "public"))
    reads = tier.reads
    assert reads is not None
    old = await reads.rows("SELECT key FROM entries")
    assert len(old) == 1  # the replica has it still
    entries = DatabaseTier(tier.database, reads=reads)
    found = await entries.get(entry(1).key)
    assert found is not None
    assert found.position == 0  # and says so: whoever has applied the log takes it for a miss
    # Who has not applied it could not tell, and asks the primary.
    reads.vouched = lambda: False
    assert await entries.get(entry(1).key) is None


async def test_a_dead_replica_leaves_the_rotation_by_itself_and_comes_back(
    tier: DatabaseTier, replica: Server
) -> None:
    reads = tier.reads
    assert reads is not None
    await tier.put(entry(1))
    replica.kill()
    for _ in range(5):
        assert await tier.get(entry(1).key) is not None
    await eventually(lambda: reads.rotation == ())
    replica.start()
    await eventually(lambda: reads.rotation != ())
    assert await tier.get(entry(1).key) is not None


async def test_a_lagging_replica_leaves_the_rotation(postgres_url: str, replica: Server) -> None:
    clock = ManualClock()
    primary = await open_postgres(make_url(postgres_url), PoolSettings())
    server = Postgres(make_url(on(replica, postgres_url)), PoolSettings())
    reads = PostgresReads(primary, [server], clock)

    async def ready() -> bool:
        await reads.look()
        return reads.rotation != ()

    await eventually(ready)
    await _paused(replica, True)
    await primary.change("INSERT INTO replicas VALUES ('x', 0, 0)")
    await reads.look()
    assert server.name in reads.rotation
    clock.advance(MAX_LAG)
    assert not await ready()
    await _paused(replica, False)
    await eventually(ready)
    await reads.close()
    await primary.close()


async def test_a_replica_that_is_away_when_the_gateway_starts_is_no_fault(
    postgres_url: str,
) -> None:
    opened = await open_database(
        postgres_url, PoolSettings(), ["postgresql+asyncpg://postgres@127.0.0.1:9/x"]
    )
    reads = opened.reads
    assert reads is not None
    assert reads.rotation == ()
    await opened.put(entry(1))
    assert await opened.get(entry(1).key) is not None
    await opened.close()
