"""The heavy hitters of a stream, in bounded space: lossy counting over weights that grow.

Of all pairs of who asks and what, the table holds the `capacity` that may be among the most
asked. When it is full, the lesser half goes, and what comes back later starts again, with the
most that may have been missed of it (Manku and Motwani, VLDB 2002). Where later lookups weigh
more, earlier ones count less and less (`storage.popularity`): the same table decays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nlargest

from gateway.lookup import Lookup

CAPACITY = 20_000
"""Pairs of a tenant and a lookup that are counted; each takes about a kilobyte."""


@dataclass(slots=True)
class Slot:
    """What is known of one lookup of one tenant."""

    tenant: str
    lookup: Lookup
    since: float
    """When it came into the table, in Unix seconds."""
    missed: float
    """The most that may have been asked before."""
    score: float = 0.0
    """The weights of what was asked since."""
    pending: float = 0.0
    """What of *score* nobody has taken yet."""


class Sketch:
    """Counts what is asked, by whom."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._floor = 0.0
        self._slots: dict[tuple[str, str], Slot] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, tenant: str, lookup: Lookup, weight: float, now: float) -> None:
        """Count *lookup* of *tenant* with *weight*; *now* is in Unix seconds."""
        name = (tenant, lookup.key)
        slot = self._slots.get(name)
        if slot is None:
            if len(self._slots) >= self._capacity:
                self._prune()
            slot = self._slots[name] = Slot(tenant, lookup, now, self._floor)
        slot.score += weight
        slot.pending += weight

    def top(self, count: int) -> list[Slot]:
        """Return the *count* that were asked most, the first first."""
        return nlargest(count, self._slots.values(), key=lambda slot: slot.score)

    def take(self, count: int) -> list[tuple[Slot, float]]:
        """Return the *count* with most that was not taken yet, and how much; it is taken now."""
        due = (slot for slot in self._slots.values() if slot.pending)
        taken = [
            (slot, slot.pending) for slot in nlargest(count, due, key=lambda slot: slot.pending)
        ]
        for slot, _ in taken:
            slot.pending = 0.0
        return taken

    def give_back(self, taken: Iterable[tuple[Slot, float]]) -> None:
        """Have what was *taken* be taken again later."""
        for slot, weight in taken:
            slot.pending += weight

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots.values())

    def _prune(self) -> None:
        """Forget the lesser half, at least."""
        most = sorted(slot.score + slot.missed for slot in self._slots.values())
        self._floor = most[len(most) // 2]
        self._slots = {
            name: slot
            for name, slot in self._slots.items()
            if slot.score + slot.missed > self._floor
        }
