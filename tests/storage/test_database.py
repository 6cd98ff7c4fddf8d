import asyncio
import logging
import sqlite3
from pathlib import Path

import pytest

from storage.database import KEYS_PER_STATEMENT, PURGE_ROWS, DatabaseTier, open_database
from storage.entry import CorruptEntryError
from storage.sqlite import Sqlite
from storage.tier import TierError
from tests.storage.entries import make_entry


def _url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def _file(tier: DatabaseTier) -> Sqlite:
    assert isinstance(tier.database, Sqlite)
    return tier.database


async def test_entries_are_there_after_a_restart(tmp_path: Path) -> None:
    first = await open_database(_url(tmp_path / "a.db"))
    await first.put(make_entry())
    await first.close()
    second = await open_database(_url(tmp_path / "a.db"))
    assert await second.get(make_entry().key) == make_entry()
    await second.close()


async def test_a_put_has_returned_only_after_its_commit(tmp_path: Path) -> None:
    tier = await open_database(_url(tmp_path / "a.db"))
    await asyncio.gather(*(tier.put(make_entry(f"k{n}")) for n in range(10)))
    other = sqlite3.connect(tmp_path / "a.db")
    assert other.execute("SELECT count(*) FROM entries").fetchone() == (10,)
    other.close()
    await tier.close()


async def test_the_row_names_its_source_and_its_times(tmp_path: Path) -> None:
    tier = await open_database(_url(tmp_path / "a.db"))
    tier = DatabaseTier(tier.database, clock=lambda: 42.0)
    await tier.put(make_entry("k", keep_until=7.5))
    rows = await _file(tier).read(
        lambda c: c.execute("SELECT key, source, stored_at, keep_until FROM entries").fetchall()
    )
    assert rows == [("k", "medicine", 42.0, 7.5)]
    await tier.close()


async def test_a_relative_path_is_taken_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await (await open_database("sqlite+aiosqlite:///here.db")).close()
    assert (tmp_path / "here.db").exists()
    assert not (tmp_path / "alembic.ini").exists()


async def test_gets_of_one_tick_are_one_statement(tmp_path: Path) -> None:
    tier = await open_database(_url(tmp_path / "a.db"))
    statements: list[str] = []
    await _file(tier).read(lambda c: c.set_trace_callback(statements.append))
    await asyncio.gather(*(tier.get(f"k{n}") for n in range(KEYS_PER_STATEMENT)))
    assert len([s for s in statements if s.startswith("SELECT")]) == 1
    await tier.close()


@pytest.mark.parametrize("wire", [b"", b"foreign", "text", 5])
async def test_foreign_bytes_are_corrupt_for_their_key_only(tmp_path: Path, wire: object) -> None:
    tier = await open_database(_url(tmp_path / "a.db"))
    await asyncio.gather(*(tier.put(make_entry(key)) for key in "abc"))
    await _file(tier).write(
        lambda c: c.execute("UPDATE entries SET wire = ? WHERE key = 'b'", (wire,)).rowcount
    )
    a, b, c = await asyncio.gather(*map(tier.get, "abc"), return_exceptions=True)
    assert (a, c) == (make_entry("a"), make_entry("c"))
    assert isinstance(b, CorruptEntryError)
    await tier.close()


async def test_a_purge_removes_what_need_not_be_kept(tmp_path: Path) -> None:
    tier = await open_database(_url(tmp_path / "a.db"))
    old = [tier.put(make_entry(f"old{n}", keep_until=10.0)) for n in range(PURGE_ROWS + 5)]
    await asyncio.gather(*old, tier.put(make_entry("new", keep_until=10.5)))
    assert await tier.purge(10.0) == PURGE_ROWS + 5
    assert await tier.get("new") is not None
    assert await tier.get("old0") is None
    assert await tier.purge(10.0) == 0
    await tier.close()


async def test_writes_in_flight_are_finished_at_close(tmp_path: Path) -> None:
    tier = await open_database(_url(tmp_path / "a.db"))
    puts = [asyncio.ensure_future(tier.put(make_entry(f"k{n}"))) for n in range(2500)]
    await asyncio.sleep(0)
    await tier.close()
    await asyncio.gather(*puts)
    file = sqlite3.connect(tmp_path / "a.db")
    assert file.execute("SELECT count(*) FROM entries").fetchone() == (2500,)
    file.close()


async def test_reads_in_flight_are_answered_at_close(tmp_path: Path) -> None:
    tier = await open_database(_url(tmp_path / "a.db"))
    await tier.put(make_entry("a"))
    get = asyncio.create_task(tier.get("a"))
    await asyncio.sleep(0)
    await tier.close()
    assert await get == make_entry("a")


async def test_a_table_that_is_gone_is_a_tier_error_that_names_the_file(tmp_path: Path) -> None:
    tier = await open_database(_url(tmp_path / "a.db"))
    await _file(tier).write(lambda c: c.execute("DROP TABLE entries").rowcount)
    for operation in (
        tier.get("a"),
        tier.put(make_entry()),
        tier.drop(["a"]),
        tier.purge(1.0),
        tier.ping(),
    ):
        with pytest.raises(TierError, match=r"a\.db.*no such table"):
            await operation
    await tier.close()


async def test_a_key_that_no_utf8_holds_is_a_tier_error() -> None:
    tier = await open_database("sqlite+aiosqlite:///:memory:")
    with pytest.raises(TierError):
        await tier.get("\ud800")
    await tier.close()


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TierError, match=r"nowhere/a\.db.*nowhere does not exist"):
        await open_database(_url(tmp_path / "nowhere" / "a.db"))


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(TierError, match="it is a folder"):
        await open_database(_url(tmp_path))


async def test_a_file_of_another_kind_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no database " * 100)
    with pytest.raises(TierError, match=r"notes\.txt.*file is not a database"):
        await open_database(_url(file))
    assert file.read_text() == "no database " * 100


async def test_tables_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    await (await open_database(_url(tmp_path / "a.db"))).close()
    file = sqlite3.connect(tmp_path / "a.db")
    file.execute("UPDATE alembic_version SET version_num = '9999'")
    file.commit()
    file.close()
    with pytest.raises(TierError, match=r"a\.db.*another version of the gateway"):
        await open_database(_url(tmp_path / "a.db"))


@pytest.mark.parametrize(
    "url", ["mysql://user:secret@host/db", "postgresql://user:secret/x@host/db", "secret", "sqlite"]
)
async def test_an_unusable_url_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(TierError) as caught:
        await open_database(url)
    assert "secret" not in str(caught.value)


async def test_opening_leaves_logging_as_it_is(tmp_path: Path) -> None:
    root = logging.getLogger()
    mine = logging.getLogger("mine")
    before = (root.level, list(root.handlers), mine.disabled)
    await (await open_database(_url(tmp_path / "a.db"))).close()
    assert (root.level, list(root.handlers), mine.disabled) == before


async def test_what_is_asked_for_at_once_is_done_in_order(tmp_path: Path) -> None:
    tier = await open_database(_url(tmp_path / "a.db"))
    old, new = make_entry("b", tags=("old", "same")), make_entry("b", tags=("same", "new"))
    done = await asyncio.gather(
        tier.put(make_entry("a", tags=("x",))),
        tier.put(old),
        tier.drop(["a"]),
        tier.put(new),
        tier.put(make_entry("c")),
    )
    assert done[2] == 1
    assert await tier.get("a") is None
    assert await tier.get("b") == new
    assert await tier.get("c") is not None
    rows = await _file(tier).rows("SELECT label, key FROM entry_labels ORDER BY label")
    assert [tuple(row) for row in rows] == [("t:new", "b"), ("t:same", "b")]
    await tier.close()


async def test_entries_that_come_at_once_have_each_their_own_labels(tmp_path: Path) -> None:
    tier = await open_database(_url(tmp_path / "a.db"))
    for tag in ("before", "after"):
        await asyncio.gather(
            *(tier.put(make_entry(f"k{n}", tags=(tag, f"{n}"))) for n in range(600))
        )
    rows = await _file(tier).rows("SELECT key, label FROM entry_labels")
    expected = {(f"k{n}", f"t:{tag}") for n in range(600) for tag in ("after", n)}
    assert {tuple(row) for row in rows} == expected
    await tier.close()
