from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.name_index import NameIndex
from storage.sqlite import Sqlite, open_sqlite


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Sqlite]:
    opened = await open_sqlite(str(tmp_path / "names.db"))
    yield opened
    await opened.close()


async def _all(database: Sqlite) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in await database.rows("SELECT id, name FROM items")}


async def test_names_that_come_together_are_written_together_in_order_of_their_rows(
    database: Sqlite,
) -> None:
    index, statements = NameIndex(database), list[str]()
    await database.write(lambda c: c.set_trace_callback(statements.append))
    statements.clear()
    names = ["aspirin", "ibuprofen", "zinc", "paracetamol"] * 5
    await asyncio.gather(
        *(index.remember("s", [(f"{n}", f"{name} {n}")]) for n, name in enumerate(names))
    )
    assert sum(each.startswith("SAVEPOINT") for each in statements) == 1
    numbers = [
        int(each.split("(")[2].split(",")[0])
        for each in statements
        if each.startswith("INSERT INTO item_terms (rowid")
    ]
    assert len(numbers) == 20
    assert numbers == sorted(numbers)
    assert len(await _all(database)) == 20


async def test_the_last_name_of_an_id_stands_whoever_told_it(database: Sqlite) -> None:
    index = NameIndex(database)
    await index.remember("s", [("1", "before")])
    await asyncio.gather(
        index.remember("s", [("1", "one"), ("2", "two")]),
        index.remember("s", [("1", "uno")]),
        index.remember("s", [("2", "two")]),
    )
    assert await _all(database) == {"1": "uno", "2": "two"}
    assert [each.name for each in await index.suggest("s", "uno", 5)] == ["uno"]
    assert await index.suggest("s", "one", 5) == []


async def test_ids_of_two_sources_are_two(database: Sqlite) -> None:
    index = NameIndex(database)
    await asyncio.gather(index.remember("s", [("1", "one")]), index.remember("t", [("1", "other")]))
    assert [each.name for each in await index.suggest("s", "one", 5)] == ["one"]
    assert [each.name for each in await index.suggest("t", "other", 5)] == ["other"]


async def test_what_one_of_them_breaks_is_not_the_others_fault(database: Sqlite) -> None:
    index = NameIndex(database)
    trigger = (
        "CREATE TRIGGER bad BEFORE INSERT ON items WHEN NEW.name = 'bad' "
        "BEGIN SELECT RAISE(ABORT, 'no such name'); END"
    )
    await database.write(lambda c: c.execute(trigger).rowcount)
    told = await asyncio.gather(
        index.remember("s", [("1", "good")]),
        index.remember("s", [("2", "bad")]),
        return_exceptions=True,
    )
    assert [each is None for each in told] == [True, False]
    assert await _all(database) == {"1": "good"}


async def test_many_names_that_are_known_are_found_and_those_that_changed_are_replaced(
    database: Sqlite,
) -> None:
    index = NameIndex(database)
    ids = [f"{n}" for n in range(200)]
    await index.remember("s", [(each, f"name {each}") for each in ids])
    before = {row[0]: row[1] for row in await database.rows("SELECT id, number FROM items")}
    await asyncio.gather(
        *(index.remember("s", [(each, f"name {each}" if int(each) % 9 else "x")]) for each in ids)
    )
    after = {row[0]: row[1] for row in await database.rows("SELECT id, number FROM items")}
    assert await _all(database) == {each: f"name {each}" if int(each) % 9 else "x" for each in ids}
    assert {each for each in ids if before[each] != after[each]} == set(ids[::9])
