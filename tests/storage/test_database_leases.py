"""Leases in SQLite and PostgreSQL: two connections are two replicas."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from storage import shared_leases
from storage.database import open_database
from storage.database_leases import PURGE_EVERY, DatabaseLeases
from storage.leases import Note
from tests.waiting import eventually

Replicas = list[DatabaseLeases]
TERM = 3.0


@pytest.fixture(params=["sqlite", "postgresql"])
async def replicas(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str
) -> AsyncIterator[Replicas]:
    sqlite = f"sqlite+aiosqlite:///{tmp_path / 'leases.db'}"
    url = sqlite if request.param == "sqlite" else postgres_url
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(2):
            tier = await open_database(url)
            stack.push_async_callback(tier.close)
            opened.append(DatabaseLeases(tier.database, term=TERM))
            stack.push_async_callback(opened[-1].close)
        yield opened


class Shared:
    """What is made, and by how many calls."""

    def __init__(self) -> None:
        self.made: str | None = None
        self.calls = self.looks = 0
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()

    async def work(self) -> str:
        self.calls += 1
        self.begun.set()
        await self.gate.wait()
        self.made = f"made by call {self.calls}"
        return self.made

    async def look(self, note: str) -> str | None:
        self.looks += 1
        if note:
            raise RuntimeError(note)
        return self.made

    async def ask(self, leases: DatabaseLeases) -> str:
        return await leases.once("k", self.work, self.look, noted)


async def until_ended(leases: DatabaseLeases) -> None:
    """Return when the database knows that the work was done a moment ago."""
    await eventually(lambda: _is_ended(leases))


async def _is_ended(leases: DatabaseLeases) -> bool:
    return await leases._database.rows("SELECT owner FROM leases WHERE key = 'k'") == [("",)]


async def _until(leases: DatabaseLeases) -> float:
    ((until,),) = await leases._database.rows("SELECT until FROM leases WHERE key = 'k'")
    return float(until)


@pytest.fixture(autouse=True)
def _long_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the end of a work known for as long as a busy machine may take to ask."""
    monkeypatch.setattr(shared_leases, "LINGER", 20.0)


def noted(error: BaseException) -> Note:
    return Note(str(error), 5.0) if isinstance(error, RuntimeError) else Note()


async def test_one_works_and_the_other_has_what_it_made(replicas: Replicas) -> None:
    one, other = replicas
    shared = Shared()
    async with asyncio.timeout(30):
        first = asyncio.create_task(shared.ask(one))
        await shared.begun.wait()
        second = asyncio.create_task(shared.ask(other))
        first_term = await _until(one)

        async def renewed() -> bool:
            return await _until(one) > first_term

        await eventually(renewed)
        shared.gate.set()
        assert [await first, await second] == ["made by call 1"] * 2
        await until_ended(one)
        assert await shared.ask(other) == "made by call 1"  # it had looked before the end


async def test_where_an_end_brings_nothing_one_does_the_work(replicas: Replicas) -> None:
    one, _ = replicas
    shared = Shared()
    async with asyncio.timeout(30):
        assert (await one._acquire("k", "before", insist=False)).ours
        await one._give_back("k", "before", Note(), 60.0)
        asked = [asyncio.create_task(shared.ask(each)) for each in replicas]
        await shared.begun.wait()
        await eventually(lambda: shared.looks >= 2)
        shared.gate.set()
        assert await asyncio.gather(*asked) == ["made by call 1"] * 2


async def test_a_failure_is_left_for_the_other(replicas: Replicas) -> None:
    one, other = replicas

    async def fail() -> str:
        raise RuntimeError("down")

    shared = Shared()
    async with asyncio.timeout(30):
        with pytest.raises(RuntimeError, match="down"):
            await one.once("k", fail, shared.look, noted)
        await until_ended(one)
        with pytest.raises(RuntimeError, match="down"):
            await shared.ask(other)
    assert shared.calls == 0


async def test_an_owner_that_is_gone_is_succeeded(replicas: Replicas) -> None:
    one, other = replicas
    shared = Shared()
    async with asyncio.timeout(30):
        assert (await one._acquire("k", "gone", insist=False)).ours
        await one._database.change("UPDATE leases SET until = until - ?", TERM - 0.3)
        shared.gate.set()
        assert await shared.ask(other) == "made by call 1"


async def test_what_says_nothing_any_more_is_removed(replicas: Replicas) -> None:
    one, _ = replicas
    shared = Shared()
    shared.gate.set()
    await shared.ask(one)
    await until_ended(one)
    assert await one.purge() == 0
    await one._database.change("UPDATE leases SET until = 1.0")
    assert await one.purge() == 1


async def test_without_the_database_everyone_works(tmp_path: Path) -> None:
    tier = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'gone.db'}")
    leases = DatabaseLeases(tier.database)
    await tier.database.change("DROP TABLE leases")
    shared = Shared()
    shared.gate.set()
    assert await shared.ask(leases) == "made by call 1"
    await leases.close()
    await tier.close()


async def test_now_and_then_what_is_given_back_has_old_rows_removed(replicas: Replicas) -> None:
    one, _ = replicas
    assert (await one._acquire("old", "gone", insist=False)).ours
    await one._database.change("UPDATE leases SET until = 1")
    one._ends = PURGE_EVERY - 1
    shared = Shared()
    shared.gate.set()
    await shared.ask(one)

    async def removed() -> bool:
        return not await one._database.rows("SELECT 1 FROM leases WHERE key = 'old'")

    await eventually(removed)


async def test_who_was_taken_for_gone_neither_renews_nor_ends_the_lease_of_another(
    replicas: Replicas,
) -> None:
    one, other = replicas
    assert (await one._acquire("k", "gone", insist=False)).ours
    await one._database.change("UPDATE leases SET until = 1")
    assert (await other._acquire("k", "heir", insist=False)).ours
    until = await _until(other)
    await one._renew("k", "gone")
    await one._give_back("k", "gone", Note(), 5.0)
    assert await _until(other) == until
    assert not await _is_ended(other)
