"""What became of requests."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.events.bus import Event


@dataclass(frozen=True, slots=True)
class Responded(Event):
    """A request was answered."""

    route: str
    """The path as it is declared, not as it was asked; ``unknown`` where there is none."""
    method: str
    status: int
    tier: str
    """Where the answer came from: a tier, ``similar``, ``upstream``; empty: it is no answer."""
    seconds: float
    queries: int = 0
    """How often the database was asked for it."""
    count: int = 1
    """How many alike are told at once."""
