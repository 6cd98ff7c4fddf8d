"""Ends of leases in a database are heard where it can tell of them; and what vanishes meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from storage.database import open_database
from storage.database_leases import DatabaseLeases
from storage.leases import Note
from storage.postgres import Postgres
from storage.shared_leases import Answer
from tests.waiting import eventually

FAR = 600.0
"""Seconds: whoever waits so long has heard nothing."""


class Counting(DatabaseLeases):
    """Leases that count how often they were asked for; nobody polls."""

    def __init__(self, database: Postgres) -> None:
        super().__init__(database, term=FAR)
        self._poll = FAR
        self.asked = 0

    async def _acquire(self, key: str, token: str, *, insist: bool) -> Answer:
        answer = await super()._acquire(key, token, insist=insist)
        self.asked += 1
        return answer


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Postgres]:
    tier = await open_database(postgres_url)
    assert isinstance(tier.database, Postgres)
    yield tier.database
    await tier.close()


@pytest.fixture
async def leases(database: Postgres) -> AsyncIterator[Counting]:
    made = Counting(database)
    yield made
    await made.close()


async def _ask(leases: DatabaseLeases) -> str:
    async def work() -> str:
        return "made"

    async def look(_note: str) -> str | None:
        return None

    async with asyncio.timeout(60):
        return await leases.once("k", work, look, lambda _: Note())


async def _listening(database: Postgres) -> bool:
    listens = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND datname = ?"
    return bool(await database.rows(listens, database.name.rpartition("/")[2]))


async def test_who_waits_hears_of_the_end_at_once(database: Postgres, leases: Counting) -> None:
    owner = Counting(database)
    assert (await owner._acquire("k", "owner", insist=False)).ours
    asked = asyncio.create_task(_ask(leases))
    await eventually(lambda: _listening(database))
    await eventually(lambda: leases.asked > 1)  # once more since it listens
    await owner._give_back("k", "owner", Note(), 0.0)
    assert await asked == "made"


async def test_who_waited_before_anything_could_be_heard_asks_again_then(
    database: Postgres, leases: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, listening = asyncio.Event(), database.listening

    @asynccontextmanager
    async def late(channel: str) -> AsyncIterator[asyncpg.Connection]:
        await gate.wait()
        async with listening(channel) as connection:
            yield connection

    monkeypatch.setattr(database, "listening", late)
    assert (await leases._acquire("k", "gone", insist=False)).ours
    asked = asyncio.create_task(_ask(leases))
    await eventually(lambda: leases.asked == 2)
    await database.change("DELETE FROM leases")
    gate.set()
    assert await asked == "made"


async def test_who_waits_asks_again_when_nothing_can_be_heard_any_more(
    database: Postgres, leases: Counting
) -> None:
    assert (await leases._acquire("k", "gone", insist=False)).ours
    asked = asyncio.create_task(_ask(leases))
    await eventually(lambda: leases.asked == 3)  # it listens
    await database.change("DELETE FROM leases")
    await database.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE query LIKE 'LISTEN %' AND datname = ?",
        database.name.rpartition("/")[2],
    )
    assert await asked == "made"


class _Vanishing:
    """A database of which a lease is removed between two statements."""

    dialect = "sqlite"

    def __init__(self) -> None:
        self.changed = [0, 1, 1]

    async def change(self, _statement: str, *_values: object) -> int:
        return self.changed.pop(0)

    async def rows(self, _statement: str, *_values: object) -> list[tuple[object, ...]]:
        return []


async def test_a_lease_that_vanishes_while_it_is_asked_for_is_asked_for_again() -> None:
    leases = DatabaseLeases(_Vanishing())  # type: ignore[arg-type]
    assert await _ask(leases) == "made"
    await leases.close()
