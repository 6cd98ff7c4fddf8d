import asyncio
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from storage import migrations
from storage.sqlite import open_sqlite

ROOT = Path(__file__).parents[2]


async def test_the_file_is_in_write_ahead_mode(tmp_path: Path) -> None:
    database = await open_sqlite(str(tmp_path / "a.db"))
    modes = await database.read(
        lambda c: [c.execute(f"PRAGMA {p}").fetchone()[0] for p in ("journal_mode", "synchronous")]
    )
    assert modes == ["wal", 1]
    await database.close()


async def test_operations_of_one_tick_are_one_transaction_in_order(tmp_path: Path) -> None:
    database = await open_sqlite(str(tmp_path / "a.db"))
    statements: list[str] = []
    await database.write(lambda c: c.execute("CREATE TABLE t (n)").rowcount)
    await database.write(lambda c: c.set_trace_callback(statements.append))
    statements.clear()

    def add(number: int) -> asyncio.Future[int]:
        return database.write(lambda c: c.execute("INSERT INTO t VALUES (?)", (number,)).rowcount)

    await asyncio.gather(*(add(number) for number in range(5)))
    assert statements[0] == "BEGIN IMMEDIATE"
    assert statements[-1] == "COMMIT"
    assert len(statements) == 7
    rows = await database.read(lambda c: c.execute("SELECT n FROM t").fetchall())
    assert rows == [(number,) for number in range(5)]
    await database.close()


async def test_a_failing_transaction_is_undone_and_the_next_one_works(tmp_path: Path) -> None:
    database = await open_sqlite(str(tmp_path / "a.db"))
    await database.write(lambda c: c.execute("CREATE TABLE t (n)").rowcount)
    good = database.write(lambda c: c.execute("INSERT INTO t VALUES (1)").rowcount)
    bad = database.write(lambda c: c.execute("INSERT INTO nowhere VALUES (1)").rowcount)
    for write in (good, bad):
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            await write
    assert await database.write(lambda c: c.execute("INSERT INTO t VALUES (2)").rowcount) == 1
    rows = await database.read(lambda c: c.execute("SELECT n FROM t").fetchall())
    assert rows == [(2,)]
    await database.close()


async def test_the_loop_goes_on_while_a_statement_runs(tmp_path: Path) -> None:
    database = await open_sqlite(str(tmp_path / "a.db"))
    release = threading.Event()
    reading = database.read(lambda _: release.wait(10))
    await asyncio.sleep(0)
    assert not reading.done()
    release.set()
    assert await reading
    await database.close()


async def test_closing_ends_the_threads(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    database = await open_sqlite(str(tmp_path / "a.db"))
    mine = set(threading.enumerate()) - before
    assert len(mine) == 3
    await database.close()
    for thread in mine:
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()


async def test_opening_waits_for_the_one_who_is_migrating(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.db"
    upgrade, upgrading = migrations.upgrade, threading.Event()

    def upgrade_and_tell(connection: Connection) -> None:
        upgrading.set()
        upgrade(connection)

    with create_engine(f"sqlite:///{file}").connect() as other:
        other.exec_driver_sql("PRAGMA journal_mode=WAL")
        other.exec_driver_sql("BEGIN IMMEDIATE")
        upgrade(other)
        monkeypatch.setattr(migrations, "upgrade", upgrade_and_tell)
        opening = asyncio.create_task(open_sqlite(str(file)))
        assert not await asyncio.to_thread(upgrading.wait, 0.3)
        other.commit()
    await (await opening).close()


_OPEN = """
import asyncio, sys
from storage.database import open_database
async def main():
    sys.stdin.readline()
    tier = await open_database("sqlite+aiosqlite:///" + sys.argv[1])
    await tier.ping()
    await tier.close()
asyncio.run(main())
"""


def test_two_processes_that_open_a_new_file_at_once_both_succeed(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", _OPEN, str(tmp_path / "a.db")]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write(b"go\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in processes] == [b""] * 2
    assert [process.returncode for process in processes] == [0] * 2
