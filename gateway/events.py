"""What happened, as frozen values, and who listens.

Features listen and are never called from the story: logs, metrics, popularity,
spend and the dashboard each subscribe. A listener that throws is logged, and
the lookup lives.

Where a *model* wrote a summary (empty: none did), *usd* is what that cost, and *cached_tokens* is
what of its prompt the provider had cached; None is unknown, which is not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True, slots=True)
class Served(Event):
    """A lookup was answered."""

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


@dataclass(frozen=True, slots=True)
class FetchFailed(Event):
    """An upstream did not answer a flight."""

    source: str
    key: str
    kind: str
    message: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Summarized(Event):
    """A summary was written and passed the gate."""

    source: str
    key: str
    by: str
    seconds: float
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None = None
    model: str = ""
    usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class SummaryWasted(Event):
    """A call to a model was paid for, or may have been, and brought no summary that is kept."""

    source: str
    key: str
    model: str
    reason: str
    """One word, as in `SummaryFailed`."""
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    usd: float | None


@dataclass(frozen=True, slots=True)
class SummaryFailed(Event):
    """No summary could be had, or the gate refused it."""

    source: str
    key: str
    reason: str
    """One word, for counters."""
    message: str
    """What was wrong; never the refused text."""
    seconds: float


@dataclass(frozen=True, slots=True)
class SummaryReused(Event):
    """A summary of the same input was there already and not paid for again."""

    source: str
    key: str
    saved_seconds: float
    model: str = ""
    usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class BatchSubmitted(Event):
    """A provider has taken a batch: from here on it costs, whoever waits for it."""

    model: str
    batch: str
    """Its name, by which it can be resumed."""
    summaries: int


@dataclass(frozen=True, slots=True)
class BudgetExhausted(Event):
    """A budget has no room left for those of a priority; told once a day for each."""

    scope: str
    """``day``, ``source:NAME`` or ``tenant:NAME``."""
    priority: str
    """``bulk``, ``warmup``, ``refresh`` or ``caller``: it and those behind it are refused."""


@dataclass(frozen=True, slots=True)
class Stored(Event):
    """An entry went into the tiers."""

    source: str
    key: str
    bytes: int
    changed: bool = False
    """Its records are others than before."""


@dataclass(frozen=True, slots=True)
class TierRead(Event):
    """A tier was looked into."""

    tier: str
    hit: bool
    seconds: float
    count: int = 1
    """How many alike are told at once."""


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


Listener = Callable[[Event], None]


class Events:
    """Tells every listener what happened, in the order in which they subscribed."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = list(listeners)

    def subscribe(self, listener: Listener) -> None:
        """Tell *listener* of everything from now on; it must not block."""
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        """Tell everyone; what a listener raises is logged and goes no further."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener's fault is no lookup's fault
                _log.exception("listener.failed", event_type=type(event).__name__)
