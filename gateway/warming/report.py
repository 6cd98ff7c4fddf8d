"""What became of the lookups of a warm-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.lookup import Lookup

Status = Literal["done", "skipped", "failed", "left"]
"""``skipped``: it was fresh; ``left``: there was no money or no time for it."""


@dataclass(frozen=True, slots=True)
class Warmed:
    """What became of one lookup."""

    lookup: Lookup
    status: Status
    why: str = ""
    """Why it failed or was left, or what is missing from its answer."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a warm-up did."""

    results: tuple[Warmed, ...]

    def count(self, status: Status) -> int:
        """Return how many ended so."""
        return sum(result.status == status for result in self.results)
