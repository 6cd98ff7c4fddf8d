"""What happened, as frozen values, and who listens.

Features listen and are never called from the story: logs, metrics, popularity,
spend and the dashboard each subscribe. A listener that throws is logged, and
the lookup lives.

Where a *model* wrote a summary (empty: none did), *usd* is what that cost, and *cached_tokens* is
what of its prompt the provider had cached; None is unknown, which is not zero.
"""

from __future__ import annotations

from gateway.events.bus import HELD, Event, Events, Held, Listener
from gateway.events.by_kind import ByKind
from gateway.events.lookups import (
    Asked,
    Failed,
    Fetched,
    FetchFailed,
    Invalidated,
    Served,
    Stored,
)
from gateway.events.parts import (
    Audited,
    CircuitChanged,
    TierFailed,
    TierLost,
    TierRead,
    TierReturned,
    TiersRaced,
)
from gateway.events.summaries import (
    BatchSubmitted,
    BudgetExhausted,
    Embedded,
    Summarized,
    SummaryFailed,
    SummaryReused,
    SummaryUnread,
    SummaryWasted,
)
from gateway.events.watches import WatchChanged
from gateway.events.web import Responded

__all__ = [
    "HELD",
    "Asked",
    "Audited",
    "BatchSubmitted",
    "BudgetExhausted",
    "ByKind",
    "CircuitChanged",
    "Embedded",
    "Event",
    "Events",
    "Failed",
    "FetchFailed",
    "Fetched",
    "Held",
    "Invalidated",
    "Listener",
    "Responded",
    "Served",
    "Stored",
    "Summarized",
    "SummaryFailed",
    "SummaryReused",
    "SummaryUnread",
    "SummaryWasted",
    "TierFailed",
    "TierLost",
    "TierRead",
    "TierReturned",
    "TiersRaced",
    "WatchChanged",
]
