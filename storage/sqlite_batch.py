"""What many writers want done in one transaction of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

Wishes = Sequence[Any]
Do = Callable[[sqlite3.Connection, Wishes], Sequence[Any]]
"""Returns a result for each wish, in order."""


class Alike(msgspec.Struct, frozen=True):
    """What is done once for all who want it one after the other, in their turn."""

    do: Do
    wish: Any


class Together(msgspec.Struct, frozen=True):
    """What is done once for all of a transaction who want it, behind what each does alone."""

    do: Do
    wish: Any


Operation = Callable[[sqlite3.Connection], Any] | Alike | Together
"""What one writer wants done."""


def transact(connection: sqlite3.Connection, operations: Sequence[Operation]) -> Sequence[Any]:
    """Do all of *operations* or none; return their results in order."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = _Results(connection, operations).results()
        connection.execute("COMMIT")
    except BaseException:
        undo(connection)
        raise
    return results


def undo(connection: sqlite3.Connection) -> None:
    """End the transaction that *connection* is in, if it is in one, as if it had not been."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


class _Results:
    """What comes of operations, each at its place."""

    def __init__(self, connection: sqlite3.Connection, operations: Sequence[Operation]) -> None:
        self._connection = connection
        self._operations = operations
        self._results: list[Any] = [None] * len(operations)
        self._alike: list[tuple[int, Alike]] = []

    def results(self) -> Sequence[Any]:
        """Do them all; return their results in order."""
        behind: dict[Do, list[tuple[int, Together]]] = {}
        for place, operation in enumerate(self._operations):
            if isinstance(operation, Together):
                behind.setdefault(operation.do, []).append((place, operation))
            elif isinstance(operation, Alike):
                if self._alike and self._alike[0][1].do is not operation.do:
                    self._do_alike()
                self._alike.append((place, operation))
            else:
                self._do_alike()
                self._results[place] = operation(self._connection)
        self._do_alike()
        for places in behind.values():
            self._do_all(places)
        return self._results

    def _do_alike(self) -> None:
        if self._alike:
            places, self._alike = self._alike, []
            self._do_all(places)

    def _do_all(self, places: Sequence[tuple[int, Alike | Together]]) -> None:
        wishes = [operation.wish for _, operation in places]
        done = places[0][1].do(self._connection, wishes)
        for (place, _), result in zip(places, done, strict=True):
            self._results[place] = result
