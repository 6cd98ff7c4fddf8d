"""What became of lookups and of the fetches behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from gateway.events.bus import Event
from gateway.lookup import Lookup


@dataclass(frozen=True, slots=True)
class Served(Event):
    """A lookup was answered."""

    waits: ClassVar[bool] = True
    source: str
    key: str
    outcome: str
    """``hit``, ``stale``, ``miss``, ``collapsed`` or ``similar``."""
    tier: str
    """The tier that had it; empty on a miss."""
    seconds: float
    model: str = ""
    usd: float | None = 0.0
    tenant: str = ""
    """Who asked; empty: whose answer it is."""
    count: int = 1
    """How many alike are told at once."""
    age: float = 0.0
    """Seconds since the upstream said it."""
    asked: Lookup | None = field(default=None, compare=False, repr=False)
    """What was asked, for those who ask it again; in no log, since it is a person's own. None:
    `Asked` says so, of many lookups that are told of at once, and *key* is empty."""


@dataclass(frozen=True, slots=True)
class Asked(Event):
    """These lookups were answered, each so often; `Served` has told of them already."""

    tenant: str
    """Who asked."""
    lookups: tuple[tuple[Lookup, int], ...] = field(compare=False, repr=False)
    """In no log."""


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """A lookup could not be answered."""

    source: str
    key: str
    kind: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Fetched(Event):
    """An upstream answered a flight."""

    source: str
    key: str
    records: int
    seconds: float
    tenant: str = ""
    """For whom; empty: whose answer it is."""


@dataclass(frozen=True, slots=True)
class FetchFailed(Event):
    """An upstream did not answer a flight."""

    source: str
    key: str
    kind: str
    message: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Stored(Event):
    """An entry went into the tiers."""

    source: str
    key: str
    bytes: int
    changed: bool = False
    """Its records are others than before."""


@dataclass(frozen=True, slots=True)
class Invalidated(Event):
    """Something was withdrawn, here or by another replica, and is served here no more."""

    position: int
    """Its line in the log, by which it is the same in every replica."""
    scope: str
    """``key``, ``source``, ``pattern``, ``tag``, ``item`` or ``all``."""
    tenant: str
    source: str
    value: str
    """The key, the pattern, the tag or the item's id."""
