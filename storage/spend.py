"""What was spent, saved and wasted, by day, tenant, source and model.

Every replica adds what it counted since its last time, so the rows hold the sum of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import NamedTuple

from storage.sql import Database


class Account(NamedTuple):
    """Whom amounts are counted for."""

    day: str
    """``2026-11-21``, in UTC."""
    tenant: str
    source: str
    model: str
    """Empty: the calls to the source itself."""


@dataclass(slots=True)
class Amounts:
    """What an account adds up; money in billionths of a dollar, which are whole numbers."""

    calls: int = 0
    """To the model or the upstream."""
    unknown: int = 0
    """Those of which nobody knows what they cost; the sums lack them."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    spent: int = 0
    wasted: int = 0
    """What of *spent* brought nothing that is kept."""
    spared: int = 0
    """Calls that were not made, since an answer or a summary was there."""
    saved: int = 0
    """What those had cost."""

    def add(self, other: Amounts) -> None:
        """Count *other* in."""
        for name in COLUMNS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


COLUMNS = tuple(field.name for field in fields(Amounts))

_ADD = """
    INSERT INTO spend (
        day, tenant, source, model, calls, unknown, prompt_tokens, cached_tokens,
        completion_tokens, spent, wasted, spared, saved
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (day, tenant, source, model) DO UPDATE SET
        calls = spend.calls + excluded.calls,
        unknown = spend.unknown + excluded.unknown,
        prompt_tokens = spend.prompt_tokens + excluded.prompt_tokens,
        cached_tokens = spend.cached_tokens + excluded.cached_tokens,
        completion_tokens = spend.completion_tokens + excluded.completion_tokens,
        spent = spend.spent + excluded.spent,
        wasted = spend.wasted + excluded.wasted,
        spared = spend.spared + excluded.spared,
        saved = spend.saved + excluded.saved
"""
_OF_DAY = """
    SELECT tenant, source, model, calls, unknown, prompt_tokens, cached_tokens,
        completion_tokens, spent, wasted, spared, saved
    FROM spend WHERE day = ?
"""


class SpendStore:
    """The ``spend`` of a database, which its owner opens and closes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, amounts: Mapping[Account, Amounts]) -> None:
        """Add *amounts* to what stands there, all or nothing; raise `TierError`."""
        # In one order everywhere, so that no two replicas wait for each other's rows.
        rows = [(*account, *astuple(amounts[account])) for account in sorted(amounts)]
        await self._database.change_many(_ADD, rows)

    async def of_day(self, day: str) -> dict[Account, Amounts]:
        """Return what all replicas have added for *day*; raise `TierError`."""
        rows = await self._database.rows(_OF_DAY, day)
        return {Account(day, *row[:3]): Amounts(*row[3:]) for row in rows}
