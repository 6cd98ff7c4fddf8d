"""The names in PostgreSQL: the same answers as in SQLite, by index."""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from storage import migrations
from storage.database import DatabaseTier, open_database
from storage.name_index import NameIndex
from storage.name_search import Suggestion
from storage.name_terms import document_terms
from storage.names import fold, initials
from storage.postgres import PoolSettings, Postgres
from storage.postgres_name_search import expression, suggesting
from storage.postgres_names import PostgresNameIndex
from storage.tier import TierError
from tests.servers.postgres import Server

DATA = Path(__file__).parents[2] / "data"


_AS_BEFORE = """
INSERT INTO items (number, source, id, name, folded, terms)
SELECT (char_length($3)::bigint << 40) + nextval('items_number_seq'),
       'medicine', $1, $2, $3, string_to_array($4, ' ')
ON CONFLICT (source, id) DO UPDATE SET number = excluded.number, name = excluded.name,
    folded = excluded.folded, terms = excluded.terms
"""
"""How revision 0012 wrote a name."""


def _as_before(number: str, name: str) -> tuple[str, str, str, str]:
    return number, name, fold(name), " ".join(document_terms("medicine", fold(name)))


def _upgrade_to(connection: Connection, revision: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations.__path__[0]))
    command.upgrade(config, revision)
    connection.commit()


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
    for name in sorted(names)[::100]:
        assert name in await _names(index, name[:3], 50)
    plan = await database.database.explain(suggesting("medicine", "타이레", 10)[0])
    assert plan.count("items_grams") == 3
    assert "items_shortest" in plan
    assert "Seq Scan" not in plan
    for part, used in (("타", "items_first"), ("타이", "items_second")):
        assert used in await database.database.explain(suggesting("medicine", part, 10)[0])


async def test_the_names_that_hold_a_part_come_in_one_order_however_common_it_is(
    index: NameIndex,
) -> None:
    # More names than are walked; parts that few, many or nearly all hold, the short ones or not.
    chance, letters = random.Random(5), "가나다라마바사아자차카타파하정abcde"
    names = ["".join(chance.choices(letters, k=chance.randint(1, 9))) for _ in range(2300)]
    names = [name if chance.random() < 0.2 else f"{name}정" for name in names]
    items = [(f"{n:05}", name) for n, name in enumerate([*names, "정" * 201 + "나"])]
    await index.remember("medicine", items)
    await index.remember("other", items[:50])
    parts = ("정", "가", "a", "가나", "나정", "정정", "ㄱ", "ㄴㅈ", "가나다", "정정정정", "정나")
    for part in parts:
        meant = re.compile("".join(map(expression, fold(part))))
        ranked = sorted(
            (meant.match(name) is None, len(name), number)
            for number, name in items
            if meant.search(name)
        )
        for limit in (1, 3, 10, 20, 40, 80):
            wanted = [number for *_, number in ranked[:limit]]
            found = await index.suggest("medicine", part, limit)
            assert [each.id for each in found][: len(wanted)] == wanted, part


async def test_names_of_the_version_before_are_found_and_so_are_those_that_it_writes_still(
    postgres_server: Server,
) -> None:
    url = make_url(await postgres_server.new_database(migrated=False))
    before = Postgres(url, PoolSettings())
    async with before._engine.connect() as connection:
        await connection.run_sync(_upgrade_to, "0012")
    await before.change_many(_AS_BEFORE, [_as_before("1", "타이레놀"), _as_before("2", "게보린")])
    after = await open_database(str(url))
    index = after.names
    await before.change_many(_AS_BEFORE, [_as_before("2", "아스피린"), _as_before("3", "후시딘")])
    for number, part in [("1", "이레"), ("2", "스피린"), ("3", "후시"), ("3", "후사딘")]:
        assert [each.id for each in await index.suggest("medicine", part, 5)] == [number]
    assert await index.suggest("medicine", "보린", 5) == []
    await index.remember("medicine", [("3", "마데카솔")])
    assert await index.suggest("medicine", "데카", 5) == [Suggestion("3", "마데카솔")]
    assert await index.suggest("medicine", "시딘", 5) == []
    await before.close()
    await after.close()
    await postgres_server.drop_database(str(url))


async def test_a_fault_of_the_database_is_a_tier_error(
    database: DatabaseTier, index: NameIndex
) -> None:
    await database.database.change("DROP TABLE items")
    with pytest.raises(TierError, match="items"):
        await _names(index, "타이레놀")
    with pytest.raises(TierError, match="items"):
        await _remember(index, "타이레놀")
