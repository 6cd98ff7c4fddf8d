"""The contract of a tier: five methods, kept by every place that keeps entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from storage.entry import Entry


class TierError(Exception):
    """A tier could not do what it was asked; its caller goes on without it."""


class WithdrawnError(TierError):
    """An entry was not kept, because it was withdrawn while it was fetched: no fault of a tier."""


class TierAwayError(TierError):
    """A tier that is known not to answer was not asked; who lost it has told of that."""


class Tier(Protocol):
    """A place that keeps entries. Foreign errors leave it only as `TierError`."""

    name: str
    """As it stands in ``Cache-Status: detail=``: ``memory``, ``redis`` or ``database``."""

    async def get(self, key: str) -> Entry | None:
        """Return the entry or None; raise `CorruptEntryError` on foreign bytes, or `TierError`."""

    async def put(self, entry: Entry) -> None:
        """Keep *entry*, in place of what stood under its key.

        Raise `WithdrawnError` if the tier knows that it was withdrawn while it was fetched.
        """

    async def drop(self, keys: Sequence[str]) -> int:
        """Forget *keys*; return how many of them it had."""

    async def ping(self) -> None:
        """Return if the tier can work; raise `TierError` saying why it cannot."""

    async def close(self) -> None:
        """Give back what it holds; nothing else may be called afterwards."""


@runtime_checkable
class BulkTier(Tier, Protocol):
    """A tier that keeps many entries for little more than the price of one."""

    async def put_many(self, entries: Sequence[Entry]) -> Sequence[WithdrawnError | None]:
        """Keep *entries*, of which no two have one key; return for each if it was withdrawn.

        Raise `TierError` where none of them was kept.
        """
