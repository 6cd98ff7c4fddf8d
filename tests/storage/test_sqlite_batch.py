from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import pytest

from storage.sqlite_batch import Alike, Together, transact


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    opened.execute("CREATE TABLE done (what TEXT)")
    yield opened
    opened.close()


def _do(connection: sqlite3.Connection, wishes: Sequence[str]) -> list[str]:
    connection.execute("INSERT INTO done VALUES (?)", ("+".join(wishes),))
    return [wish.upper() for wish in wishes]


def _alone(what: str) -> object:
    return lambda c: c.execute("INSERT INTO done VALUES (?)", (what,)).rowcount


def test_what_is_done_together_is_done_once_behind_the_rest(
    connection: sqlite3.Connection,
) -> None:
    operations = [Together(_do, "a"), _alone("x"), Together(_do, "b"), _alone("y")]
    assert transact(connection, operations) == ["A", 1, "B", 1]  # type: ignore[arg-type]
    found = [what for (what,) in connection.execute("SELECT what FROM done")]
    assert found == ["x", "y", "a+b"]


def test_what_is_alike_is_done_once_for_all_who_come_one_after_the_other(
    connection: sqlite3.Connection,
) -> None:
    def other(connection: sqlite3.Connection, wishes: Sequence[str]) -> list[str]:
        return _do(connection, [f"other {wish}" for wish in wishes])

    asked = [Alike(_do, "a"), Together(_do, "z"), Alike(_do, "b"), _alone("x")]
    asked += [Alike(_do, "c"), Alike(other, "d"), Alike(other, "e")]
    expected = ["A", "Z", "B", 1, "C", "OTHER D", "OTHER E"]
    assert transact(connection, asked) == expected  # type: ignore[arg-type]
    found = [what for (what,) in connection.execute("SELECT what FROM done")]
    assert found == ["a+b", "x", "c", "other d+other e", "z"]


def test_a_fault_undoes_all(connection: sqlite3.Connection) -> None:
    def fail(_connection: sqlite3.Connection, _wishes: Sequence[str]) -> list[str]:
        raise sqlite3.OperationalError("no")

    with pytest.raises(sqlite3.OperationalError):
        transact(connection, [_alone("x"), Together(fail, "a")])  # type: ignore[list-item]
    assert connection.execute("SELECT count(*) FROM done").fetchone() == (0,)
    assert not connection.in_transaction
