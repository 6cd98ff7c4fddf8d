"""The names in PostgreSQL: the same answers as in SQLite, by index."""

from __future__ import annotations

import json
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import DatabaseTier, open_database
from storage.name_index import NameIndex
from storage.name_search import Suggestion
from storage.names import fold, initials
from storage.postgres_names import PostgresNameIndex
from storage.tier import TierError

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[DatabaseTier]:
    opened = await open_database(postgres_url)
    yield opened
    await opened.close()


@pytest.fixture
def index(database: DatabaseTier) -> NameIndex:
    return database.names


def _real_names() -> list[str]:
    lines = (DATA / "medicine.jsonl").read_text().splitlines()
    names = [json.loads(line)["itemName"] for line in lines]
    for line in (DATA / "drug-label.jsonl").read_text().splitlines():
        names.extend(json.loads(line).get("openfda", {}).get("brand_name", []))
    return names


async def _remember(index: NameIndex, *names: str, source: str = "medicine") -> None:
    await index.remember(source, [(name, name) for name in names])


async def _names(index: NameIndex, text: str, limit: int = 10) -> list[str]:
    return [each.name for each in await index.suggest("medicine", text, limit)]


async def test_the_order_is_that_of_sqlite(index: NameIndex) -> None:
    assert isinstance(index, PostgresNameIndex)
    names = ["타이래놀", "어린이타이레놀", "타이레놀정500밀리그람", "타이레놀", "타이레놀정"]
    await _remember(index, *names)
    await _remember(index, "타이레놀", source="other")
    assert await _names(index, "타이레놀") == [
        "타이레놀",
        "타이레놀정",
        "타이레놀정500밀리그람",
        "어린이타이레놀",
        "타이래놀",
    ]
    assert await _names(index, "타이레놀", 2) == ["타이레놀", "타이레놀정"]
    assert await _names(index, "타이레놀", 0) == []


@pytest.mark.parametrize(
    "text",
    ["타", "이레", "ㅌㅇㄹㄴ", "ㅇㄹ", "타이ㄹ", "500", "타이래놀", "타이놀", "타레이놀"],
)
async def test_a_name_is_found_however_it_is_typed(index: NameIndex, text: str) -> None:
    await _remember(index, "타이레놀정 500mg", "게보린", "아스피린프로텍트")
    assert (await _names(index, text))[0] == "타이레놀정 500mg"


@pytest.mark.parametrize("text", ["", "()-", '"', "' OR 1", "*", "\ud800", "\0", "뷁", "zzzzz"])
async def test_what_no_name_holds_finds_nothing(index: NameIndex, text: str) -> None:
    await _remember(index, "타이레놀", "Advil")
    assert await _names(index, text) == []


async def test_a_new_name_replaces_the_old_one_and_known_ones_write_nothing(
    database: DatabaseTier, index: NameIndex
) -> None:
    await index.remember("medicine", [("1", "타이레놀"), ("2", "게\0보린")])
    version = "SELECT xmin::text FROM items WHERE id = '2'"
    before = await database.database.rows(version)
    await index.remember("medicine", [("1", "아스피린정"), ("2", "게보린")])
    await index.remember("medicine", [])
    assert await _names(index, "타이레놀") == []
    assert await index.suggest("medicine", "스피", 5) == [Suggestion("1", "아스피린정")]
    assert await database.database.rows(version) == before


async def test_every_part_of_every_real_name_finds_what_a_scan_finds(index: NameIndex) -> None:
    names = _real_names()
    await index.remember("medicine", [(str(n), name) for n, name in enumerate(names)])
    folded, chance, parts = [fold(name) for name in names], random.Random(1), set[str]()
    for name in folded[::3]:
        start = chance.randrange(len(name))
        parts.add(name[start : start + chance.randint(1, 6)])
    parts |= {initials(part) for part in sorted(parts)[:30]}
    scan = [*enumerate(folded), *enumerate(map(initials, folded))]
    for part in parts:
        scanned = {str(number) for number, name in scan if part in name}
        found = await index.suggest("medicine", part, len(scanned))
        assert {each.id for each in found} >= scanned, part


async def test_a_search_among_many_names_uses_the_index(
    database: DatabaseTier, index: NameIndex
) -> None:
    chance = random.Random(3)
    syllables = [chr(0xAC00 + chance.randrange(11172)) for _ in range(300)]
    names = {"".join(chance.choices(syllables, k=chance.randint(3, 9))) for _ in range(5000)}
    await index.remember("medicine", [(name, name) for name in sorted(names)])
    await database.database.change("ANALYZE items")
    wanted = sorted(names)[::100]
    started = time.perf_counter()
    for name in wanted:
        assert name in await _names(index, name[:3], 50)
    assert (time.perf_counter() - started) / len(wanted) < 0.05
    plan = await database.database.rows(
        "EXPLAIN SELECT id FROM items WHERE source = 'medicine' AND terms @> ARRAY['x'] "
        "ORDER BY number LIMIT 10"
    )
    assert any("items_terms" in row[0] for row in plan)


async def test_a_fault_of_the_database_is_a_tier_error(
    database: DatabaseTier, index: NameIndex
) -> None:
    await database.database.change("DROP TABLE items")
    with pytest.raises(TierError, match="items"):
        await _names(index, "타이레놀")
    with pytest.raises(TierError, match="items"):
        await _remember(index, "타이레놀")
