"""The log of what was withdrawn: one, in the database, and the truth for every replica.

A withdrawal deletes rows and appends to the log in one transaction. The lock of the log's one row
of state lets positions commit in order, and no fill comes between.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from storage.entry_rows import LINES, label, lines_of
from storage.name_index import forget_names
from storage.names import fold
from storage.postgres import Postgres
from storage.sql import Transaction
from storage.sqlite import Sqlite, SqliteTransaction
from storage.withdrawals import KEPT, SHARED, Scope, Withdrawal, expression, line

BeforeCommit = Callable[[Sequence[str]], Awaitable[int | None]]
"""Removes keys from where they are shared; what it raises undoes the withdrawal. None: it is not
known how many were there."""

_NEXT = "UPDATE invalidation_state SET position = position + 1 RETURNING position"
_APPEND = (
    "INSERT INTO invalidations (position, tenant, scope, source, value, at) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
_STATE = "SELECT position, trimmed FROM invalidation_state"
_NAMES = {
    "source": "source = ?",
    "item": "source = ? AND id = ?",
    "pattern": "source = ? AND folded {matches} ?",
}
"""The names that a withdrawal takes from suggestions; a key or a tag names no record."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What one withdrawal did."""

    position: int
    keys: tuple[str, ...]
    """The entries that the database had and has no more."""
    unlinked: int | None = 0
    """How many of them the shared tier had; None: it is away, and what it has is a miss."""


@dataclass(frozen=True, slots=True)
class News:
    """What the log says after a position."""

    lines: tuple[Withdrawal, ...]
    position: int
    """Where the log stands."""
    trimmed: int
    """Lines up to here are gone."""


async def _nobody(_keys: Sequence[str]) -> int:
    return 0


class InvalidationLog:
    """The log in *database*; *shared* is the tenant of the answers that all tenants share."""

    def __init__(
        self,
        database: Sqlite | Postgres,
        shared: str = SHARED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._shared = shared
        self._clock = clock
        self._sqlite = database.dialect == "sqlite"

    async def withdraw(self, scope: Scope, before_commit: BeforeCommit = _nobody) -> Withdrawn:
        """Delete what *scope* names, and note it in the log; return after the commit.

        *before_commit* is told the keys while nothing is committed: its error undoes everything.
        Raise `TierError` where the database fails.
        """
        async with self._database.transaction() as transaction:
            # First of all the lock: fills that hold it have been committed and are seen below.
            position = (await transaction.rows(_NEXT))[0][0]
            condition, values = self._entries(scope)
            delete = f"DELETE FROM entries WHERE {condition} RETURNING key"  # noqa: S608 - ours
            keys = [row[0] for row in await transaction.rows(delete, *values)]
            await self._forget_names(transaction, scope)
            at = self._clock()
            await transaction.change(
                _APPEND, position, scope.tenant, scope.kind, scope.source, scope.value, at
            )
            unlinked = await before_commit(_with_own(keys, scope))
        return Withdrawn(position, tuple(keys), unlinked)

    async def position(self) -> int:
        """Return where the log stands; raise `TierError`."""
        return int((await self._database.rows(_STATE))[0][0])

    async def since(self, position: int) -> News:
        """Return what came after *position*; raise `TierError`.

        Where `News.trimmed` is greater than *position*, lines are missing.
        """
        # The lines first: one that is trimmed between the two statements shows itself then.
        lines = tuple(lines_of(await self._database.rows(LINES, position)))
        state = (await self._database.rows(_STATE))[0]
        return News(lines, state[0], state[1])

    async def trim(self, keep: int = KEPT) -> None:
        """Remove the lines that every replica has applied, but for the last *keep*."""
        async with self._database.transaction() as transaction:
            # The lock of withdrawals, so that the lines that are counted stay the last.
            await transaction.change("UPDATE invalidation_state SET position = position")
            behind = "SELECT min(position) FROM replicas"
            last = (await transaction.rows(_STATE))[0][0] - keep
            slowest = (await transaction.rows(behind))[0][0]
            end = last if slowest is None else min(last, slowest)
            if end > 0:
                await transaction.change("DELETE FROM invalidations WHERE position <= ?", end)
                await transaction.change(
                    "UPDATE invalidation_state SET trimmed = ? WHERE trimmed < ?", end, end
                )

    def _entries(self, scope: Scope) -> tuple[str, tuple[str, ...]]:
        """Return the condition for the entries that *scope* covers, and its values."""
        labeled = "key IN (SELECT key FROM entry_labels WHERE label = ?)"
        if not self._sqlite:
            labeled = "labels @> ARRAY[?::text]"
        tenant, source = scope.tenant, scope.source
        match scope.kind:
            case "key":
                return "key = ? AND tenant = ?", (scope.value, tenant)
            case "source":
                return "tenant = ? AND source = ?", (tenant, source)
            case "pattern":
                condition = f"tenant = ? AND source = ? AND holds {self._matches} ?"
                return condition, (tenant, source, self._lines + expression(scope.value))
            case "tag":
                return f"{labeled} AND tenant = ?", (label("tag", scope.value), tenant)
            case "item":
                condition = f"{labeled} AND tenant = ? AND source = ?"
                return condition, (label("item", line(scope.value)), tenant, source)
            case "all":
                return "tenant = ?", (tenant,)

    @property
    def _matches(self) -> str:
        return "REGEXP" if self._sqlite else "~"

    @property
    def _lines(self) -> str:
        """The option by which ``^`` and ``$`` match at each line."""
        return "(?m)" if self._sqlite else "(?n)"

    async def _forget_names(self, transaction: Transaction, scope: Scope) -> None:
        condition, values = self._names(scope)
        if not condition:
            return
        if isinstance(transaction, SqliteTransaction):
            await transaction.run(lambda c: forget_names(c, condition, values))
        else:
            await transaction.change(f"DELETE FROM items WHERE {condition}", *values)  # noqa: S608 - ours

    def _names(self, scope: Scope) -> tuple[str, tuple[str, ...]]:
        """Return the condition for the names that *scope* covers, and its values.

        Those of a tenant's own answers stand under its name and a slash before the source's.
        """
        if scope.kind == "all":
            if scope.tenant == self._shared:
                return "source NOT LIKE '%/%'", ()
            return "substr(source, 1, length(?)) = ?", (f"{scope.tenant}/",) * 2
        space = scope.source if scope.tenant == self._shared else f"{scope.tenant}/{scope.source}"
        value = _folded(scope.value) if scope.kind == "pattern" else scope.value
        condition = _NAMES.get(scope.kind, "").format(matches=self._matches)
        return condition, (space, value)[: condition.count("?")]


def _with_own(keys: Sequence[str], scope: Scope) -> Sequence[str]:
    """A shared tier may have a key that the database has lost, or has not got yet."""
    return list(dict.fromkeys([*keys, scope.value])) if scope.kind == "key" else keys


def _folded(pattern: str) -> str:
    """Return the expression of *pattern* for names as they are folded for suggestions."""
    parts = (fold(text) for text in pattern.replace("?", "*").split("*"))
    return f"^{'.*'.join(parts)}$"
