"""What is open, by its role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.breaker import Breaker
from adapters.quota import Meter
from gateway.access.opening import Access
from gateway.bulk.opening import Bulk
from gateway.config import Config
from gateway.events import Events
from gateway.flights import Flights
from gateway.invalidations import Invalidations
from gateway.observing import Observing
from gateway.popularity import Popularity
from gateway.refill import Refill
from gateway.resolver import Resolver
from gateway.route import Route
from gateway.sessions import Sessions
from gateway.sessions.personal import PersonalResolver
from gateway.spend.opening import Money
from gateway.statistics import Statistics
from gateway.streaming import Broadcasts
from gateway.warmth import Warmth
from storage.entry import Entry
from storage.journal import Journal
from storage.leases import Leases
from storage.name_index import NameIndex
from storage.survey import Survey
from storage.tiers import Tiers

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that is open, by its role."""

    config: Config
    routes: Mapping[str, Route]
    resolver: Resolver
    personal: PersonalResolver
    """The resolver for those who may have a session."""
    sessions: Sessions
    tiers: Tiers
    names: NameIndex
    flights: Flights[Entry]
    events: Events
    breakers: Mapping[str, Breaker]
    money: Money
    access: Access
    broadcasts: Broadcasts
    statistics: Statistics
    meters: Mapping[str, Meter]
    """Of the quotas, by source."""
    journal: Journal
    """What happened, for other services."""
    refill: Refill
    invalidations: Invalidations
    popularity: Popularity
    """What is asked most."""
    bulk: Bulk
    """Batches and watches."""
    survey: Survey
    """Many entries at once, for what is done ahead."""
    leases: Leases
    warmth: Warmth
    clock: Clock
    """Unix seconds."""
    observing: Observing
    """What operators see."""
