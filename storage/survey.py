"""Many entries at once from the database, past the other tiers: for what is done ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from storage.entry import CorruptEntryError, Entry
from storage.tier import Tier
from storage.tiers import Tiers

AT_ONCE = 512
"""Entries that are read together, and held together."""


class Survey:
    """Reads what *database* has and gives it to the memory of *tiers*; it counts as no lookup."""

    def __init__(self, database: Tier, tiers: Tiers) -> None:
        self._database = database
        self._tiers = tiers

    async def find(
        self, keys: Sequence[str], lift: Callable[[Entry], bool] = lambda _: False
    ) -> dict[str, Entry]:
        """Return what there is of *keys*, and have memory hold that for which *lift* says so.

        Of more than `AT_ONCE` keys as many are read at a time. Raise `TierError`.
        """
        found: dict[str, Entry] = {}
        for start in range(0, len(keys), AT_ONCE):
            part = keys[start : start + AT_ONCE]
            for entry in await asyncio.gather(*map(self._read, part)):
                # Asked again after the wait: it may have been withdrawn since it was read.
                if entry is None or self._tiers.withdrawn(entry):
                    continue
                found[entry.key] = entry
                if lift(entry):
                    self._tiers.memory.keep(entry)
        return found

    async def _read(self, key: str) -> Entry | None:
        try:
            return await self._database.get(key)
        except CorruptEntryError:
            return None
