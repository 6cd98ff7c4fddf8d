"""Entries and faulty tiers for the tests of storage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from storage.entry import CorruptEntryError, Entry, Part
from storage.tier import TierError


def make_entry(
    key: str = "v1:public:medicine:1", body: bytes = b'"total":1', **changes: object
) -> Entry:
    fields: dict[str, object] = {
        "key": key,
        "source": "medicine",
        "head": b'"query":"x"',
        "records": Part(body, 1.5, 0.25, "ab"),
        "summary": None,
        "empty": False,
        "keep_until": 100.0,
    }
    return Entry(**(fields | changes))  # type: ignore[arg-type]


class BrokenTier:
    """Fails at everything."""

    name = "broken"

    async def get(self, key: str) -> Entry | None:
        raise TierError("get is broken")

    async def put(self, entry: Entry) -> None:
        raise TierError("put is broken")

    async def drop(self, keys: Sequence[str]) -> int:
        raise TierError("drop is broken")

    async def ping(self) -> None:
        raise TierError("ping is broken")

    async def close(self) -> None:
        raise TierError("close is broken")


class SharedTier:
    """A tier below memory that waits for `gate` with what it has read or is to write."""

    def __init__(self, name: str = "redis") -> None:
        self.name = name
        self.gate = asyncio.Event()
        self.gate.set()
        self.kept: dict[str, Entry] = {}
        self.corrupt: set[str] = set()

    async def get(self, key: str) -> Entry | None:
        found = self.kept.get(key)
        await self.gate.wait()
        if key in self.corrupt:
            raise CorruptEntryError("foreign")
        return found

    async def put(self, entry: Entry) -> None:
        await self.gate.wait()
        self.kept[entry.key] = entry

    async def drop(self, keys: Sequence[str]) -> int:
        self.corrupt.difference_update(keys)
        return sum(self.kept.pop(key, None) is not None for key in keys)

    async def ping(self) -> None:
        """Always works."""

    async def close(self) -> None:
        self.kept.clear()
