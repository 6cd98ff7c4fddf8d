import asyncio
import json
import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.name_index import NameIndex
from storage.name_search import Suggestion, suggest
from storage.name_terms import containing
from storage.names import fold, initials
from storage.sqlite import Sqlite, open_sqlite
from storage.tier import TierError

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Sqlite]:
    opened = await open_sqlite(str(tmp_path / "names.db"))
    yield opened
    await opened.close()


@pytest.fixture
def index(database: Sqlite) -> NameIndex:
    return NameIndex(database)


async def _remember(index: NameIndex, *names: str, source: str = "medicine") -> None:
    await index.remember(source, [(name, name) for name in names])


async def _names(index: NameIndex, text: str, limit: int = 10) -> list[str]:
    return [suggestion.name for suggestion in await index.suggest("medicine", text, limit)]


async def test_a_suggestion_has_the_id_and_the_name_as_given(index: NameIndex) -> None:
    await index.remember("medicine", [("202106092", "타이레놀정 500밀리그람(아세트아미노펜)")])
    assert await index.suggest("medicine", "타이레놀", 5) == [
        Suggestion("202106092", "타이레놀정 500밀리그람(아세트아미노펜)")
    ]


async def test_the_exact_name_is_first_then_prefixes_then_parts_then_misspellings(
    index: NameIndex,
) -> None:
    await _remember(
        index, "타이래놀", "어린이타이레놀", "타이레놀정500밀리그람", "타이레놀", "타이레놀정"
    )
    assert await _names(index, "타이레놀") == [
        "타이레놀",
        "타이레놀정",
        "타이레놀정500밀리그람",
        "어린이타이레놀",
        "타이래놀",
    ]


async def test_the_best_fill_the_limit(index: NameIndex) -> None:
    await _remember(index, "가나다", "가나", "마가나", "가나다라")
    assert await _names(index, "가나", 2) == ["가나", "가나다"]
    assert await _names(index, "가나", 0) == []


@pytest.mark.parametrize(
    "text",
    [
        *("타", "놀", "이레", "ㅌㅇㄹㄴ", "ㅇㄹ", "ㅌ", "타이ㄹ", "타이레노", "500", "정５００"),
        *("타이래놀", "타이렌올", "타이놀", "타이레레놀", "타레이놀", "타이레눌정", "타이-레놀()"),
    ],
)
async def test_a_korean_name_is_found_however_it_is_typed(index: NameIndex, text: str) -> None:
    await _remember(index, "타이레놀정 500mg", "게보린", "아스피린프로텍트")
    assert (await _names(index, text))[0] == "타이레놀정 500mg"


@pytest.mark.parametrize(
    "text",
    [
        "advil",
        "ADVIL",
        "ad vil",
        "liqui-gels",
        "advilliqui",
        "adivl",
        "advl",
        "liquigles",
        "g",
        "200",
        "ádvil",
    ],
)
async def test_an_english_name_is_found_however_it_is_typed(index: NameIndex, text: str) -> None:
    await _remember(index, "Advil Liqui-Gels 200", "Bayer", "Motrin IB")
    assert (await _names(index, text))[0] == "Advil Liqui-Gels 200"


@pytest.mark.parametrize(
    "text", ["", " ", "()-", '"', "' OR 1", "NEAR(", "*", "\ud800", "뷁", "zzzzz"]
)
async def test_what_no_name_holds_finds_nothing(index: NameIndex, text: str) -> None:
    await _remember(index, "타이레놀", "Advil")
    assert await _names(index, text) == []


async def test_sources_are_apart(index: NameIndex) -> None:
    await _remember(index, "타이레놀", source="other")
    assert await _names(index, "타이레놀") == []


async def test_sources_that_share_a_mark_are_apart(
    index: NameIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.name_terms._MARKS", 1)
    await _remember(index, "타이레놀", source="other")
    await _remember(index, "타이레놀정")
    assert await _names(index, "타이레놀") == ["타이레놀정"]


async def test_a_new_name_replaces_the_old_one(index: NameIndex) -> None:
    await index.remember("medicine", [("1", "타이레놀"), ("2", "게보린")])
    await index.remember("medicine", [("1", "아스피린")])
    assert await _names(index, "타이레놀") == []
    assert await _names(index, "아스피린") == ["아스피린"]
    assert await _names(index, "게보린") == ["게보린"]


async def test_a_replaced_name_leaves_nothing_in_the_index(
    database: Sqlite, index: NameIndex
) -> None:
    await index.remember("medicine", [("1", "타이레놀")])
    await index.remember("medicine", [("1", "아스피린")])
    count = "SELECT count(*) FROM item_terms WHERE item_terms MATCH ?"
    expressions = [containing("medicine", name) for name in ("타이레놀", "아스피린")]
    assert await database.search(
        lambda c: [c.execute(count, (expression,)).fetchone() for expression in expressions]
    ) == [(0,), (1,)]


async def test_many_small_additions_leave_few_pieces_of_index(
    database: Sqlite, index: NameIndex
) -> None:
    for number in range(60):
        await index.remember("medicine", [(str(number), f"타이레놀{number}")])
    pieces = "SELECT count(DISTINCT segid) FROM item_terms_idx"
    assert (await database.search(lambda c: c.execute(pieces).fetchone()))[0] <= 4


async def test_after_many_names_the_index_is_one_again(
    database: Sqlite, index: NameIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.name_index.NAMES_UNTIL_MERGED", 60)
    for number in range(60):
        await index.remember("medicine", [(str(number), f"타이레놀{number}")])
    pieces = "SELECT count(DISTINCT segid) FROM item_terms_idx"
    assert (await database.search(lambda c: c.execute(pieces).fetchone()))[0] == 1
    assert len(await _names(index, "타이레놀", 100)) == 60


@pytest.mark.parametrize(
    "text",
    [
        "타이레놀정500밀리그람 부작용",
        "타이레놀정500밀리그람부작용",
        "어린이 타이레놀정 먹어도 되나요",
        "이거 타이레놀정500밀리그람",
    ],
)
async def test_a_text_longer_than_the_name_finds_it(index: NameIndex, text: str) -> None:
    await _remember(index, "타이레놀정500밀리그람(아세트아미노펜)", "타이", "게보린정", "타이레놀")
    assert (await _names(index, text))[0].startswith("타이레놀정500밀리그람"[:5])
    await _remember(index, "Advil Liqui-Gels")
    assert await _names(index, "is advil liqui safe") == ["Advil Liqui-Gels"]
    assert await _names(index, "부작용 먹어도") == []


async def test_a_name_that_folds_alike_is_still_replaced(index: NameIndex) -> None:
    await index.remember("medicine", [("1", "advil")])
    await index.remember("medicine", [("1", "Advil")])
    assert await _names(index, "advil") == ["Advil"]


async def test_the_last_name_of_an_id_stands(index: NameIndex) -> None:
    await index.remember("medicine", [("1", "타이레놀"), ("1", "게보린")])
    assert await _names(index, "타이레놀") == []
    assert await _names(index, "게보린") == ["게보린"]


async def test_known_names_cost_no_write(database: Sqlite, index: NameIndex) -> None:
    await _remember(index, "타이레놀", "게보린")
    statements: list[str] = []
    await database.write(lambda c: c.set_trace_callback(statements.append))
    statements.clear()
    await _remember(index, "타이레놀", "게보린")
    assert not [each for each in statements if each.startswith(("INSERT", "DELETE"))]


async def test_a_damaged_index_does_not_undo_what_is_written_beside_it(
    database: Sqlite, index: NameIndex
) -> None:
    await database.write(lambda c: c.execute("DROP TABLE item_terms"))
    add = "INSERT INTO entries (key, source, wire, stored_at, keep_until) VALUES "
    beside = database.write(lambda c: c.execute(f"{add} ('k', 's', '', 0, 0)").rowcount)
    with pytest.raises(TierError, match="item_terms"):
        await _remember(index, "타이레놀")
    assert await beside == 1
    assert await database.rows("SELECT key FROM entries") == [("k",)]
    assert await database.rows("SELECT * FROM items") == []


async def test_the_same_names_told_twice_at_once_are_kept_once(index: NameIndex) -> None:
    await asyncio.gather(*(_remember(index, "타이레놀", "게보린") for _ in range(3)))
    assert await _names(index, "타이레놀") == ["타이레놀"]


async def test_names_without_letters_and_with_half_characters_are_taken(index: NameIndex) -> None:
    await index.remember("medicine", [("1", "---"), ("2", "a\ud800b"), ("3", "")])
    assert await _names(index, "ab") == ["a?b"]


async def test_names_are_there_after_a_restart(tmp_path: Path) -> None:
    for text in ("타이레놀", "게보린"):
        opened = await open_sqlite(str(tmp_path / "a.db"))
        await _remember(NameIndex(opened), text)
        await opened.close()
    opened = await open_sqlite(str(tmp_path / "a.db"))
    assert await _names(NameIndex(opened), "타이") == ["타이레놀"]
    await opened.close()


async def test_a_fault_of_the_database_is_a_tier_error(database: Sqlite, index: NameIndex) -> None:
    await database.write(lambda c: c.execute("DROP TABLE items").rowcount)
    with pytest.raises(TierError, match=r"names\.db"):
        await _names(index, "타이레놀")
    with pytest.raises(TierError, match=r"names\.db"):
        await _remember(index, "타이레놀")


async def test_no_search_reads_a_whole_table(database: Sqlite, index: NameIndex) -> None:
    plans: list[str] = []

    def explain(connection: sqlite3.Connection) -> None:
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        suggest(connection, "medicine", fold("타이레놀"), 10)
        connection.set_trace_callback(None)
        for statement in (s for s in statements if s.startswith("SELECT items")):
            rows = connection.execute("EXPLAIN QUERY PLAN " + statement)
            plans.extend(row[3] for row in rows)

    await database.search(explain)
    assert plans
    assert not [p for p in plans if p.startswith("SCAN") and "VIRTUAL TABLE" not in p]
    assert not [p for p in plans if "TEMP B-TREE" in p]


def _real_names() -> list[str]:
    medicine = (DATA / "medicine.jsonl").read_text().splitlines()
    labels = (DATA / "drug-label.jsonl").read_text().splitlines()
    names = [json.loads(line)["itemName"] for line in medicine]
    for line in labels:
        names.extend(json.loads(line).get("openfda", {}).get("brand_name", []))
    return names


async def test_every_part_of_every_real_name_finds_what_a_scan_finds(index: NameIndex) -> None:
    names = _real_names()
    assert len(names) > 400
    await index.remember("medicine", [(str(n), name) for n, name in enumerate(names)])
    folded = [fold(name) for name in names]
    chance = random.Random(1)
    parts = set()
    for name in folded:
        size = chance.randint(1, max(1, len(name)))
        start = chance.randrange(max(1, len(name) - size + 1))
        parts.add(name[start : start + size])
    parts |= {initials(part) for part in sorted(parts)[:100]}
    scan = [*enumerate(folded), *enumerate(map(initials, folded))]
    for part in parts - {""}:
        scanned = {str(number) for number, name in scan if part in name}
        found = await index.suggest("medicine", part, len(scanned))
        assert {suggestion.id for suggestion in found} >= scanned, part


async def test_real_names_are_found_past_one_wrong_key(index: NameIndex) -> None:
    names = _real_names()
    await index.remember("medicine", [(str(n), name) for n, name in enumerate(names)])
    chance = random.Random(2)
    missed = []
    for number, name in enumerate(names):
        typed = fold(name)[:6]
        if len(typed) < 4:
            continue
        place = chance.randrange(len(typed))
        typed = typed[:place] + chr(ord(typed[place]) + 1) + typed[place + 1 :]
        found = {suggestion.id for suggestion in await index.suggest("medicine", typed, 40)}
        missed += [(name, typed)] if str(number) not in found else []
    assert missed == []
