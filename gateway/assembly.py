"""The composition root: beside `gateway.parts`, all that knows concrete classes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import msgspec

from adapters.breaker import Breaker
from adapters.guard import Guarded
from adapters.llm.batched import BatchRun
from adapters.quota import Meter
from adapters.summarizers.extractive import Extractive
from gateway.access.opening import Access, open_access
from gateway.config import Config
from gateway.duplicates.opening import open_duplicates
from gateway.events import Events, TierFailed, TierRead
from gateway.fleet.opening import open_fleet, share
from gateway.flights import Flights
from gateway.invalidations import Invalidations, open_invalidations
from gateway.parts import open_parts
from gateway.purging import purging
from gateway.personal import PersonalResolver
from gateway.refill import Fetch, Refill
from gateway.resolver import Resolver
from gateway.route import Route
from gateway.sessions import KEPT, Sessions
from gateway.spend.opening import Money, open_money
from gateway.spend.till import Till
from gateway.statistics import Statistics
from gateway.streaming import Broadcast, Shared
from gateway.shedding import Shedding
from gateway.similar import SimilarAnswers
from gateway.summaries import Summaries
from storage.database import DatabaseTier, open_database
from storage.entry import Entry, Part
from storage.journal import Journal
from storage.leases import Leases
from storage.memory import MemoryTier
from storage.name_index import NameIndex
from storage.postgres import PoolSettings
from storage.postgres_names import open_names
from storage.sessions import SessionStore
from storage.spend import SpendStore
from storage.summaries import SummaryStore
from storage.summary_inputs import SummaryInputs
from storage.tier import Tier, TierAwayError
from storage.tiers import Tiers

GRACE = 30.0
"""Seconds that flights have to land when the gateway closes."""

BATCH_SECONDS = 50 * 3600.0
"""Within so long the two tries of a summary that is written by batches are over: a day each."""

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
    broadcasts: Shared[Broadcast]
    statistics: Statistics
    meters: Mapping[str, Meter]
    """Of the quotas, by source."""
    journal: Journal
    """What happened, for other services."""
    invalidations: Invalidations
    refill: Refill


@asynccontextmanager
async def open_gateway(
    config: Config,
    *,
    events: Events | None = None,
    clock: Clock = time.time,
    batch: BatchRun | None = None,
) -> AsyncIterator[Gateway]:
    """Open what *config* names, and close it again, flights first, on the way out.

    With *batch* the model is asked by batches, which takes hours: `gateway.precompute` is for that.
    Raise `ConfigError` for what only shows when it is built (an expression, a data file) and
    `TierError` when the database cannot be opened.
    """
    events = Events() if events is None else events
    async with AsyncExitStack() as stack:
        yield await _Assembly(config, stack, events, clock, batch).gateway()


class _Assembly:
    """Opens one thing after the other; what is opened later is closed earlier."""

    def __init__(
        self,
        config: Config,
        stack: AsyncExitStack,
        events: Events,
        clock: Clock,
        batch: BatchRun | None,
    ) -> None:
        self._config = config
        self._stack = stack
        self._events = events
        self._clock = clock
        self._batch = batch
        self._deadline = _deadline(config) if batch is None else BATCH_SECONDS

    async def gateway(self) -> Gateway:
        config, stack, events, clock = self._config, self._stack, self._events, self._clock
        statistics = Statistics()
        events.subscribe(statistics)
        fleet = open_fleet(config.redis, events)
        parts = await open_parts(config, stack, events, clock, self._batch)
        pool = PoolSettings(**msgspec.structs.asdict(config.database.pool))
        database = await open_database(config.database.url, pool, config.database.replicas)
        tiers = self._tiers([*fleet.tiers, database])
        invalidations = await open_invalidations(
            stack,
            database,
            tiers,
            events=events,
            settings=config.invalidation,
            doorbell=fleet.doorbell,
        )
        names = open_names(database)
        spend, batched = SpendStore(database.database), self._batch is not None
        money = await open_money(stack, config, spend, events, clock, batched=batched)
        stack.push_async_callback(fleet.leases.close)
        stack.push_async_callback(fleet.journal.close)
        refill = await self._refill(tiers, database, names, money.till, fleet.leases)
        flights: Flights[Entry] = Flights(self._deadline, spec=config.flights)
        stack.push_async_callback(flights.close, GRACE)
        similar = SimilarAnswers(names, tiers, events, clock)
        stack.push_async_callback(similar.settled)
        resolver = self._resolver(parts.routes, tiers, flights, refill, similar)
        sessions = Sessions(SessionStore(database.database), parts.routes, events, clock)
        stack.push_async_callback(sessions.close)
        share(fleet, parts.routes, parts.breakers, events, clock)
        await stack.enter_async_context(fleet.listening)
        return Gateway(
            config=config,
            routes=parts.routes,
            resolver=resolver,
            personal=PersonalResolver(resolver, refill, clock),
            sessions=sessions,
            tiers=tiers,
            names=names,
            flights=flights,
            events=events,
            breakers=parts.breakers,
            money=money,
            access=await open_access(stack, config, database.database, events, clock),
            broadcasts=refill.broadcasts,
            statistics=statistics,
            meters=_meters(parts.routes),
            journal=fleet.journal,
            invalidations=invalidations,
            refill=refill,
        )

    def _resolver(
        self,
        routes: Mapping[str, Route],
        tiers: Tiers,
        flights: Flights[Entry],
        refill: Refill,
        similar: SimilarAnswers,
    ) -> Resolver:
        return Resolver(
            routes=routes,
            tiers=tiers,
            flights=flights,
            refill=refill,
            events=self._events,
            similar=similar,
            shedding=Shedding(self._config.shedding),
            clock=self._clock,
        )

    def _tiers(self, below: Sequence[Tier]) -> Tiers:
        memory = MemoryTier(self._config.memory.max_bytes)
        tiers = Tiers([memory, *below], _reporter(self._events), _reads(self._events))
        self._stack.push_async_callback(tiers.close)
        return tiers

    async def _refill(
        self, tiers: Tiers, database: DatabaseTier, names: NameIndex, till: Till, leases: Leases
    ) -> Refill:
        """Make what flights do; the flights within are closed after those that wait for them."""
        store = SummaryStore(database.database)
        sessions = SessionStore(database.database)
        inputs, llm = SummaryInputs(database.database), self._config.llm
        purges = (database.purge, store.purge, inputs.purge, lambda now: sessions.purge(now - KEPT))
        await self._stack.enter_async_context(purging(purges, self._clock))
        writings: Flights[Part | None] = Flights(self._deadline)
        fetches: Flights[Fetch] = Flights(self._deadline)
        self._stack.push_async_callback(writings.close, GRACE)
        self._stack.push_async_callback(fetches.close, GRACE)
        summaries = Summaries(
            store=store,
            writings=writings,
            extractive=Extractive(),
            till=till,
            events=self._events,
            clock=self._clock,
            duplicates=open_duplicates(self._stack, llm.embeddings, llm.own, inputs, self._events),
        )
        return Refill(
            tiers=tiers,
            summaries=summaries,
            names=names,
            fetches=fetches,
            leases=leases,
            events=self._events,
            clock=self._clock,
        )


def _deadline(config: Config) -> float:
    """Return seconds within which the slowest source and a model's two tries are given up."""
    slowest = max((section.limits.deadline for section in config.sources.values()), default=0.0)
    return slowest + 2 * config.llm.longest + 5.0


def _meters(routes: Mapping[str, Route]) -> dict[str, Meter]:
    sources = ((name, route.source) for name, route in routes.items())
    guarded = ((name, source) for name, source in sources if isinstance(source, Guarded))
    return {each: guard.meter for name, source in guarded for each, guard in source.named(name)}


def _reads(events: Events) -> Callable[[str, bool, float], None]:
    return lambda tier, hit, seconds: events.emit(TierRead(tier, hit, seconds))


def _reporter(events: Events) -> Callable[[str, str, Exception], None]:
    def report(tier: str, operation: str, error: Exception) -> None:
        if not isinstance(error, TierAwayError):
            events.emit(TierFailed(tier, operation, str(error)))

    return report
