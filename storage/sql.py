"""What stores ask of a database, whichever engine is behind it.

Statements are SQL that SQLite and PostgreSQL both take, with ``?`` for each value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

Row = Sequence[Any]


class Transaction(Protocol):
    """Statements that are all done or none of them."""

    async def rows(self, statement: str, *values: object) -> list[Row]:
        """Return the rows of *statement*, which may write and return (``RETURNING``)."""

    async def change(self, statement: str, *values: object) -> int:
        """Return how many rows *statement* has changed."""


class Database(Protocol):
    """An open, migrated database. Foreign errors leave it only as `TierError`, which names it."""

    dialect: str
    """``sqlite`` or ``postgresql``."""
    name: str
    """For messages: the file, or the server and its database; no password."""

    async def rows(self, statement: str, *values: object) -> list[Row]:
        """Return the rows of *statement*, which only reads."""

    async def change(self, statement: str, *values: object) -> int:
        """Return how many rows *statement* has changed, after its commit."""

    async def change_many(self, statement: str, rows: Iterable[Row]) -> int:
        """Do *statement* for each of *rows* in one transaction; return how many rows changed."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commit on leaving, or undo everything where the context raises."""

    async def close(self) -> None:
        """Finish what was asked for and close."""
