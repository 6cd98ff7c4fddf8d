from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from storage.database import DatabaseTier, open_database
from storage.memory import MemoryTier
from storage.survey import AT_ONCE, Survey
from storage.tiers import Tiers
from storage.withdrawals import Scope, Withdrawal
from tests.storage.entries import make_entry


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[DatabaseTier]:
    opened = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}")
    yield opened
    await opened.close()


class Looks:
    """Everything that a survey needs, and what tiers were told of."""

    def __init__(self, database: DatabaseTier) -> None:
        self.reads: list[str] = []
        self.memory = MemoryTier(1 << 20)
        self.tiers = Tiers(
            [self.memory, database],
            lambda *_: None,
            lambda tier, *_: self.reads.append(tier),
        )
        self.survey = Survey(database, self.tiers)


async def test_many_entries_are_found_and_memory_gets_those_that_are_wanted(
    database: DatabaseTier,
) -> None:
    looks = Looks(database)
    keys = [f"k{number}" for number in range(AT_ONCE + 10)]
    for key in keys:
        await database.put(make_entry(key))
    found = await looks.survey.find([*keys, "none"], lambda entry: entry.key in ("k1", "k515"))
    assert sorted(found) == sorted(keys)
    assert [key for key in keys if looks.tiers.peek(key) is not None] == ["k1", "k515"]
    assert looks.reads == []


async def test_what_is_no_entry_is_not_there(database: DatabaseTier) -> None:
    looks = Looks(database)
    await database.put(make_entry("a"))
    await database.put(make_entry("b"))
    await database.database.change("UPDATE entries SET wire = ? WHERE key = ?", b"?", "a")
    assert list(await looks.survey.find(["a", "b"])) == ["b"]


async def test_what_was_withdrawn_while_it_was_read_is_not_brought_back(
    database: DatabaseTier,
) -> None:
    looks = Looks(database)
    await database.put(msgspec.structs.replace(make_entry("v1:app:medicine:a"), position=0))
    looks.tiers.withdrawals.apply([Withdrawal(1, Scope("all", "app"))])
    assert await looks.survey.find(["v1:app:medicine:a"], lambda _: True) == {}
    assert looks.memory.entries == 0
