"""Summaries that come hours after their records."""

from __future__ import annotations

import msgspec

from storage.entry import Entry
from storage.tiers import Tiers


async def keep_late(tiers: Tiers, entry: Entry, *, memory_only: bool) -> None:
    """Put the summary of *entry* beside its records, unless others stand there now, or none."""
    found = await tiers.find(entry.key)
    if found is None or found.entry.records.digest != entry.records.digest:
        return
    now = found.entry
    if now.records.at > entry.records.at:
        entry = msgspec.structs.replace(
            entry,
            records=msgspec.structs.replace(entry.records, at=now.records.at),
            keep_until=now.keep_until,
            position=now.position,
        )
    await tiers.put(entry, memory_only=memory_only)
