"""What became of tiers and circuits, and who changed something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gateway.events.bus import Event


@dataclass(frozen=True, slots=True)
class TierRead(Event):
    """A tier was looked into."""

    waits: ClassVar[bool] = True
    tier: str
    hit: bool
    seconds: float
    count: int = 1
    """How many alike are told at once."""


@dataclass(frozen=True, slots=True)
class TiersRaced(Event):
    """Two tiers were asked for one entry at the same time."""

    winner: str
    """The tier whose entry was taken; empty: neither had it."""
    seconds: tuple[tuple[str, float], ...]
    """What each took, or for how long it was waited for; the nearer first."""


@dataclass(frozen=True, slots=True)
class TierFailed(Event):
    """A tier could not do what it was asked; the others went on."""

    tier: str
    operation: str
    message: str


@dataclass(frozen=True, slots=True)
class TierLost(Event):
    """A tier does not answer and is gone around from now on."""

    tier: str
    reason: str


@dataclass(frozen=True, slots=True)
class TierReturned(Event):
    """A tier that was lost answers again, and is up to date."""

    tier: str


@dataclass(frozen=True, slots=True)
class CircuitChanged(Event):
    """A circuit breaker opened, closed or let a trial through."""

    upstream: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Audited(Event):
    """Somebody has changed something that others will want to know of."""

    tenant: str
    who: str
    """The name of the key or token; never a secret."""
    action: str
    """``invalidated``, ``token.minted`` …"""
    target: str
