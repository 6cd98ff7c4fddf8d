"""What is asked how often of late, by whom: the sum of what all replicas have counted.

A lookup counts half as much with each `HALF_LIFE` that has passed. So that rows need not be made
smaller as time goes by, later lookups weigh more instead (forward decay: Cormode, Shkapenyuk,
Srivastava, Xu, ICDE 2009): weights from different replicas and times simply add up, and rank.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.sql import Database

HALF_LIFE = 7 * 86_400.0
"""Seconds after which a lookup counts half."""
_LANDMARK = 1_767_225_600.0
"""2026-01-01: the time at which a lookup weighs 1. Floats hold the weights until 2045."""
KEPT_ROWS = 50_000
"""Rows that a purge leaves, the most popular ones."""
_TENANTS = 8
"""Rows for each lookup that SQLite adds up; PostgreSQL has a view of all of them."""
_LEAST = 0.05
"""What counts less than so much of one lookup is forgotten: it was last asked a month ago."""


def weight_at(now: float) -> float:
    """Return what one lookup at *now* (Unix seconds) weighs."""
    return math.exp2((now - _LANDMARK) / HALF_LIFE)


@dataclass(frozen=True, slots=True)
class PopularRow:
    """How often a lookup was asked by a tenant, or by all."""

    key: str
    tenant: str
    """Who asked; empty: all together."""
    source: str
    lookup: str
    """What is needed to ask it again, as text of which this package knows nothing."""
    score: float
    """Lookups, each with its weight."""
    since: float
    """When the first of them came, in Unix seconds."""

    def lookups(self, now: float) -> float:
        """Return how many lookups this is at *now*: those of a half-life ago count half."""
        return self.score / weight_at(now)

    def rate(self, now: float) -> float:
        """Return lookups a second of late, after the first: once is no rate."""
        # Counted at a steady rate for ever, the sum would be that of so many seconds.
        longest = HALF_LIFE / math.log(2)
        seconds = longest * -math.expm1(-max(now - self.since, 60.0) / longest)
        return max(self.lookups(now) - 1.0, 0.0) / seconds


_ADD = """
    INSERT INTO popularity (key, tenant, source, lookup, score, since)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key, tenant) DO UPDATE SET score = popularity.score + excluded.score
"""
_PLAIN_ALL = """
    SELECT key, '', min(source), min(lookup), sum(score) AS total, min(since) FROM (
        SELECT * FROM popularity WHERE (? = '' OR source = ?) ORDER BY score DESC LIMIT ?
    ) GROUP BY key ORDER BY total DESC, key LIMIT ?
"""
_PLAIN_OF = """
    SELECT key, tenant, source, lookup, score, since FROM popularity
    WHERE tenant = ? AND (? = '' OR source = ?) ORDER BY score DESC, key LIMIT ?
"""
_VIEW = """
    SELECT key, tenant, source, lookup, score, since FROM popular
    WHERE tenant = ? AND (?::text = '' OR source = ?) ORDER BY score DESC, key LIMIT ?
"""
_REFRESH = "REFRESH MATERIALIZED VIEW CONCURRENTLY popular"
_PURGE = """
    DELETE FROM popularity WHERE score < ? OR score < coalesce(
        (SELECT score FROM popularity ORDER BY score DESC LIMIT 1 OFFSET ?), 0)
"""


class PopularityStore:
    """The ``popularity`` of a database, which its owner opens and closes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._materialized = database.dialect == "postgresql"

    async def add(self, rows: Iterable[PopularRow]) -> None:
        """Add *rows* to what stands there, all or nothing; raise `TierError`."""
        # In one order everywhere, so that no two replicas wait for each other's rows.
        ordered = sorted(rows, key=lambda row: (row.key, row.tenant))
        # `dataclasses.astuple` would copy each value deeply.
        values = ((r.key, r.tenant, r.source, r.lookup, r.score, r.since) for r in ordered)
        await self._database.change_many(_ADD, values)

    async def top(self, limit: int, *, tenant: str = "", source: str = "") -> Sequence[PopularRow]:
        """Return the *limit* most popular lookups of *tenant* (empty: of all), the first first.

        On PostgreSQL they are as of the last `refresh`. Raise `TierError`.
        """
        database = self._database
        if self._materialized:
            rows = await database.rows(_VIEW, tenant, source, source, limit)
        elif tenant:
            rows = await database.rows(_PLAIN_OF, tenant, source, source, limit)
        else:
            # The table as a whole would hold up other reads: what no tenant asks often is left out.
            rows = await database.rows(_PLAIN_ALL, source, source, limit * _TENANTS, limit)
        return [PopularRow(*row) for row in rows]

    async def refresh(self) -> None:
        """Have `top` tell of all that was added; no reader waits for it. Raise `TierError`."""
        if self._materialized:
            await self._database.change(_REFRESH)

    async def purge(self, now: float) -> int:
        """Forget what is asked no more, and the least of what is too much; return how much."""
        return await self._database.change(_PURGE, _LEAST * weight_at(now), KEPT_ROWS - 1)
