"""Summaries by the digest of their input: the same input is never paid for twice.

Another query that finds the same records, a refresh that changed nothing and a restart all
name the same digest, and find the summary that was written for it; or that one was refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from storage.entry import Bill, Part
from storage.sql import Database

_SELECT = """
    SELECT digest, body, at, cost, retry,
        model, prompt_tokens, cached_tokens, completion_tokens, usd
    FROM summaries WHERE digest IN ({})
"""
OR_REPLACE = """
    ON CONFLICT (digest) DO UPDATE SET
        body = excluded.body, at = excluded.at, cost = excluded.cost,
        keep_until = excluded.keep_until, model = excluded.model,
        prompt_tokens = excluded.prompt_tokens, cached_tokens = excluded.cached_tokens,
        completion_tokens = excluded.completion_tokens, usd = excluded.usd,
        retry = excluded.retry
    WHERE excluded.retry = 0 OR summaries.retry > 0
"""
"""A refusal takes no summary's place: another replica may have had one written."""
_UPSERT = f"""
    INSERT INTO summaries (
        digest, body, at, cost, keep_until,
        model, prompt_tokens, cached_tokens, completion_tokens, usd, retry
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    {OR_REPLACE}
"""  # noqa: S608 - words of ours
_UNPAID = (None,) * 5
_PURGE = "DELETE FROM summaries WHERE keep_until <= ?"


class SummaryStore:
    """The ``summaries`` of a database, which its owner opens and closes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, digest: str) -> Part | None:
        """Return the summary that was made from *digest*, or None; raise `TierError`."""
        return (await self.find((digest,))).get(digest)

    async def find(self, digests: Sequence[str]) -> dict[str, Part]:
        """Return what was made from each of *digests*, in one read; raise `TierError`."""
        select = _SELECT.format(", ".join("?" * len(digests)))
        return {row[0]: _part(*row) for row in await self._database.rows(select, *digests)}

    async def put(self, summary: Part, keep_until: float) -> None:
        """Keep *summary* under its digest until *keep_until* (Unix seconds); raise `TierError`."""
        await self.put_many([(summary, keep_until)])

    async def put_many(self, summaries: Sequence[tuple[Part, float]]) -> None:
        """Keep each under its digest until its time, in one write; raise `TierError`."""
        await self._database.change_many(_UPSERT, [row_of(*each) for each in summaries])

    async def purge(self, now: float) -> int:
        """Remove the summaries whose ``keep_until`` is not after *now*; return how many."""
        return await self._database.change(_PURGE, now)


def row_of(summary: Part, keep_until: float) -> tuple[Any, ...]:
    """Return the columns of *summary* in the order of the table."""
    bill = summary.bill
    made = (summary.digest, summary.body, summary.at, summary.cost, keep_until)
    paid = _UNPAID if bill is None else msgspec.structs.astuple(bill)
    return (*made, *paid, summary.retry)


def _part(digest: str, body: bytes, at: float, cost: float, retry: float, *paid: Any) -> Part:
    model, *took = paid
    return Part(body, at, cost, digest, retry, None if model is None else Bill(model, *took))
