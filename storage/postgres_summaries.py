"""Summaries in PostgreSQL, written together with what else a lookup brings."""

from __future__ import annotations

from collections.abc import Sequence

from storage.entry import Part
from storage.postgres_fills import Fill, PostgresFills, SummaryRow
from storage.summaries import SummaryStore, row_of


class PostgresSummaryStore(SummaryStore):
    """The ``summaries`` of a server. They are read from the primary alone.

    A replica that lacks one would have it paid for again.
    """

    def __init__(self, fills: PostgresFills) -> None:
        super().__init__(fills.database)
        self._fills = fills

    async def put_many(self, summaries: Sequence[tuple[Part, float]]) -> None:
        """Keep each under its digest until its time, in one write; raise `TierError`."""
        rows = [SummaryRow(*row_of(*each)) for each in summaries]
        await self._fills.submit(Fill(summaries=rows))
