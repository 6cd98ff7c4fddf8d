"""What many writers want done in one transaction of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Wishes = Sequence[Any]
Do = Callable[[sqlite3.Connection, Wishes], Sequence[Any]]
"""Returns a result for each wish, in order."""


@dataclass(frozen=True, slots=True)
class Together:
    """What is done once for all of a transaction who want it, behind what each does alone."""

    do: Do
    wish: Any


Operation = Callable[[sqlite3.Connection], Any] | Together
"""What one writer wants done."""


def transact(connection: sqlite3.Connection, operations: Sequence[Operation]) -> Sequence[Any]:
    """Do all of *operations* or none; return their results in order."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = _do(connection, operations)
        connection.execute("COMMIT")
    except BaseException:
        undo(connection)
        raise
    return results


def undo(connection: sqlite3.Connection) -> None:
    """End the transaction that *connection* is in, if it is in one, as if it had not been."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _do(connection: sqlite3.Connection, operations: Sequence[Operation]) -> Sequence[Any]:
    results: list[Any] = [None] * len(operations)
    shared: dict[Do, list[int]] = {}
    wishes: dict[Do, list[Any]] = {}
    for place, operation in enumerate(operations):
        if isinstance(operation, Together):
            shared.setdefault(operation.do, []).append(place)
            wishes.setdefault(operation.do, []).append(operation.wish)
        else:
            results[place] = operation(connection)
    for do, places in shared.items():
        for place, result in zip(places, do(connection, wishes[do]), strict=True):
            results[place] = result
    return results
