"""Doorbells wake who follows the log, and never promise to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import DatabaseTier, open_database
from storage.doorbell import Doorbell, Doorbells, PostgresDoorbell, open_doorbell
from storage.invalidation import InvalidationLog
from storage.postgres import Postgres
from storage.withdrawals import Scope
from tests.servers.postgres import Server
from tests.waiting import eventually

LONG = 40.0
"""Seconds for which nobody waits who is woken."""


@pytest.fixture(params=["sqlite", "postgresql"])
async def tier(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DatabaseTier]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'a.db'}"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        url = await server.new_database()
    opened = await open_database(url)
    yield opened
    await opened.close()


async def _withdraw(tier: DatabaseTier, bell: Doorbell) -> None:
    done = await InvalidationLog(tier.database).withdraw(Scope("all", "public"))
    await bell.ring(done.position)


async def _waits(bell: Doorbell, seconds: float) -> float:
    started = time.monotonic()
    await bell.wait(seconds)
    return time.monotonic() - started


async def test_a_ring_wakes_the_others(tier: DatabaseTier) -> None:
    ours, theirs = open_doorbell(tier.database), open_doorbell(tier.database)
    await theirs.wait(LONG)  # the first tells what was not known
    waiting = asyncio.create_task(_waits(theirs, LONG))
    await asyncio.sleep(0.01)
    await _withdraw(tier, ours)
    assert await waiting < LONG / 2
    assert await _waits(theirs, 0.1) >= 0.09
    await ours.close()
    await theirs.close()


async def test_either_of_two_wakes(tier: DatabaseTier) -> None:
    class Silent:
        async def ring(self, position: int) -> None:
            """Heard by nobody."""

        async def wait(self, within: float) -> None:
            await asyncio.sleep(within)

        async def close(self) -> None:
            """Nothing."""

    bell = open_doorbell(tier.database, Silent())
    assert isinstance(bell, Doorbells)
    await bell.wait(LONG)
    waiting = asyncio.create_task(_waits(bell, LONG))
    await asyncio.sleep(0.01)
    await _withdraw(tier, bell)
    assert await waiting < LONG / 2
    assert await _waits(bell, 0.1) >= 0.09
    await bell.close()


async def test_a_broken_connection_is_replaced_and_rings_since_a_message_may_be_lost(
    postgres_url: str, postgres_server: Server
) -> None:
    tier = await open_database(postgres_url)
    assert isinstance(tier.database, Postgres)
    bell = PostgresDoorbell(tier.database)
    await bell.wait(LONG)
    await postgres_server.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    )
    assert await _waits(bell, LONG) < LONG / 2
    await bell.wait(1)

    async def heard() -> bool:
        waiting = asyncio.create_task(_waits(bell, 10))
        await asyncio.sleep(0.01)
        await bell.ring(1)
        return await waiting < 5

    await eventually(heard)
    await bell.close()
    await tier.close()
