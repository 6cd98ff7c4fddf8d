"""The real resolver, flights, refill and memory over any source, without disk and model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import msgspec

from adapters.breaker import Breaker
from adapters.guard import Guarded
from adapters.permits import Permits
from adapters.source import Attribution, Source
from adapters.sources.units import Duration
from gateway.events import Events
from gateway.flights import Flights, FlightsSpec
from gateway.freshness import FreshnessSpec
from gateway.quality import QualityGate, QualitySpec
from gateway.refill import Refill
from gateway.refill.fetching import Fetch
from gateway.resolver import Resolver
from gateway.route import Deadlines, Route
from gateway.summaries import Summaries
from storage.entry import Entry
from storage.memory import MemoryTier
from storage.name_index import NameIndex
from storage.tiers import Tiers

CREDIT = Attribution("the upstream")


@dataclass(frozen=True, slots=True)
class Build:
    """Which classes a world is made of: tests put broken ones in their place."""

    flights: type[Flights[Entry]] = Flights
    fetches: type[Flights[Fetch]] = Flights
    guard: type[Guarded] = Guarded
    permits: type[Permits] = Permits
    breaker: type[Breaker] = Breaker
    refill: type[Refill] = Refill
    life: float = 1.0
    """Entries live so many times as long as their policy says."""


SOUND = Build()
"""The real ones."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for the one source ``s``."""

    policy: FreshnessSpec
    deadlines: Deadlines
    flights: FlightsSpec
    memory: int = 1 << 20
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Core:
    """What answers lookups, and the flights in it."""

    resolver: Resolver
    flights: Flights[Entry]
    fetches: Flights[Fetch]


class _NoSummaries(Summaries):
    """Its sources have none: what this is about is the fetch."""

    def __init__(self) -> None:
        pass

    def settled(self) -> asyncio.Future[None]:
        """There is nothing to write."""
        written = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written


class _NoNames(NameIndex):
    def __init__(self) -> None:
        pass

    async def remember(
        self, source: str, items: Sequence[tuple[str, str]], since: int | None = None
    ) -> None:
        """Forget them."""


def open_core(
    source: Source, rules: Rules, clock: Callable[[], float], rng: Random, build: Build
) -> Core:
    """Return the core of a gateway whose source ``s`` is *source*, in the running loop."""
    policy = rules.policy
    route = Route(
        name="s",
        source=source,
        gate=QualityGate(QualitySpec()),
        attribution=CREDIT,
        freshness=msgspec.structs.replace(policy, ttl=Duration(policy.ttl * build.life)),
        deadlines=rules.deadlines,
    )
    flights = build.flights(rules.deadlines.hard, spec=rules.flights)
    fetches = build.fetches(rules.deadlines.hard)
    tiers, events = Tiers([MemoryTier(rules.memory)], lambda *_: None), Events()
    refill = build.refill(
        tiers=tiers,
        summaries=_NoSummaries(),
        names=_NoNames(),
        fetches=fetches,
        events=events,
        clock=clock,
        timer=asyncio.get_running_loop().time,
    )
    resolver = Resolver(
        routes={"s": route},
        tiers=tiers,
        flights=flights,
        refill=refill,
        events=events,
        clock=clock,
        draw=rng.random,
    )
    return Core(resolver, flights, fetches)
