"""What clients asked to be told of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.events.bus import Event


@dataclass(frozen=True, slots=True)
class WatchChanged(Event):
    """What a watch looks up says something else than before."""

    tenant: str
    watch: str
    """Its id."""
    source: str
    key: str
    note: str = field(repr=False)
    """The owner's own words; in no log."""
    category: str
    changes: Any = field(repr=False)
    """As `gateway.watches.changes` tells them: what can be written as JSON."""
