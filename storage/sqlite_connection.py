"""One connection to a SQLite file, as the gateway wants it: tuned, and timed by the statement."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's lock."""
OPEN_SECONDS = 30.0
"""How long opening waits for another process that is migrating the same file."""


class TimedConnection(sqlite3.Connection):
    """Has *told* called with each statement and its seconds: until the next one, or `ended`.

    SQLite finds rows as they are fetched: a statement's time is not over when `execute` returns.
    """

    told: Callable[[str, float], None] | None = None
    _statement = ""
    _since = 0.0

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Do as sqlite3 does."""
        if self._statement:
            self.ended()
        self._statement, self._since = sql, perf_counter()
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Do as sqlite3 does."""
        if self._statement:
            self.ended()
        self._statement, self._since = sql, perf_counter()
        return super().executemany(sql, parameters)

    def ended(self) -> None:
        """Say that nothing more is fetched of the last statement."""
        if self._statement and self.told is not None:
            self.told(self._statement, perf_counter() - self._since)
        self._statement = ""


def connect(path: str) -> TimedConnection:
    """Open the file at *path*; raise sqlite3's errors."""
    connection = sqlite3.connect(
        path,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=TimedConnection,
    )
    try:
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.create_function("regexp", 2, _matches, deterministic=True)
        connection.ended()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def plan(connection: sqlite3.Connection, statement: str) -> str:
    """Return how SQLite would do *statement*, a line a step; its values are not needed for that."""
    values = [None] * statement.count("?")
    steps = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return "\n".join(str(step[3]) for step in steps)


def _matches(expression: str, text: str) -> bool:
    """Give SQLite its REGEXP; Python keeps the compiled expressions."""
    return re.search(expression, text) is not None


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # SQLite does not honour the busy timeout while two processes switch a new file to WAL.
    deadline = time.monotonic() + OPEN_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
