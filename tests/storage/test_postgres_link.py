"""A real server behind a proxy that passes nothing any more, and keeps every connection open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from storage.database import open_database
from storage.postgres import PoolSettings, Postgres
from storage.postgres_link import PostgresLink
from storage.tier import TierAwayError
from tests.fault_proxy import FaultProxy
from tests.servers.postgres import Server
from tests.storage.entries import make_entry
from tests.waiting import eventually

HOUR = 3600.0
PATIENT = PoolSettings(size=2, overflow=0, wait=HOUR, connect=HOUR, statement=HOUR, silence=3.0)
"""Nothing but the server's silence ends a wait."""


@pytest.fixture
async def proxy(postgres_server: Server) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(postgres_server.port) as made:
        yield made


def through(proxy: FaultProxy, url: str) -> str:
    return make_url(url).set(port=proxy.port).render_as_string(hide_password=False)


async def _commit_late(database: Postgres, begun: asyncio.Event, frozen: asyncio.Event) -> None:
    async with database.transaction() as transaction:
        await transaction.change("INSERT INTO replicas VALUES (?, ?, ?)", "a", 1, 2)
        begun.set()
        await frozen.wait()
        await transaction.rows("SELECT 1")


@pytest.mark.timeout(60)
async def test_whatever_waits_for_a_frozen_server_ends_together_and_what_comes_then_at_once(
    postgres_url: str, proxy: FaultProxy
) -> None:
    tier = await open_database(through(proxy, postgres_url), PATIENT)
    database, told = tier.database, list[bool]()
    assert isinstance(database, Postgres)
    tier.on_change(lambda up, _: told.append(up))
    begun, frozen = asyncio.Event(), asyncio.Event()
    late = asyncio.create_task(_commit_late(database, begun, frozen))
    await begun.wait()
    await tier.put(make_entry("k"))
    proxy.pause()
    frozen.set()
    # More than the pool has connections: some wait for one, some for the server.
    asked = [
        late,
        *(asyncio.create_task(tier.get(key)) for key in "abc"),
        asyncio.create_task(tier.put(make_entry("k"))),
        *(asyncio.create_task(tier.ping()) for _ in range(3)),
    ]
    for error in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(error, TierAwayError), error
    with pytest.raises(TierAwayError, match="has said nothing for 3 s"):
        await tier.get("a")
    assert told == [False]
    assert database.pool.in_use == 0
    await proxy.mend()
    await eventually(lambda: told == [False, True], 30)
    assert await tier.get("k") is not None
    assert await database.rows("SELECT * FROM replicas") == []
    await tier.close()


@pytest.mark.timeout(60)
async def test_a_statement_that_times_out_here_takes_its_connection_along(
    postgres_url: str, proxy: FaultProxy
) -> None:
    link = PostgresLink(make_url(through(proxy, postgres_url)), PATIENT)
    drivers = list[asyncpg.Connection]()

    async def freeze() -> None:
        async with link.transaction() as connection:
            drivers.append(connection)
            proxy.pause()
            await connection.fetch("SELECT 1", timeout=0.05)

    with pytest.raises(TimeoutError):
        await freeze()
    assert drivers[0].is_closed()
    await link.close()


@pytest.mark.timeout(60)
async def test_closing_does_not_wait_for_a_server_that_takes_no_leave(
    postgres_url: str, proxy: FaultProxy
) -> None:
    link = PostgresLink(make_url(through(proxy, postgres_url)), PATIENT)
    async with link.connection() as one, link.connection() as other:
        await one.fetch("SELECT 1")
    proxy.pause()
    await link.close()
    assert one.is_closed()
    assert other.is_closed()


async def test_a_server_that_refuses_does_answer(postgres_server: Server) -> None:
    url = make_url(postgres_server.url("there_is_none"))
    link = PostgresLink(url, PoolSettings())
    assert await link._answers()
    await link.close()


async def test_a_server_that_is_away_does_not() -> None:
    url = make_url("postgresql+asyncpg://nobody@127.0.0.1:9/none")
    link = PostgresLink(url, PoolSettings())
    assert not await link._answers()
    await link.close()
