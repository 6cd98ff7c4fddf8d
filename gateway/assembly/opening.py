"""Opening a gateway: one thing after the other; what is opened later is closed earlier."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from adapters.guard import Guarded
from adapters.llm.batched import BatchRun
from adapters.quota import Meter
from gateway.access.opening import open_access
from gateway.assembly.gateway import Clock, Gateway
from gateway.assembly.refilling import GRACE, open_refill
from gateway.assembly.storage import Storage, open_storage
from gateway.bulk.answers import Desk
from gateway.bulk.opening import Bulk, open_bulk
from gateway.config import Config
from gateway.events import Asked, Events, Served
from gateway.fleet.opening import share
from gateway.flights import Flights
from gateway.observing import Observing, open_observing
from gateway.parts import Parts, open_parts
from gateway.popularity import Popularity
from gateway.refill import Refill
from gateway.resolver import Resolver
from gateway.route import Route
from gateway.sessions import Sessions
from gateway.sessions.personal import PersonalResolver
from gateway.shedding import Shedding
from gateway.spend.opening import Money, open_money, open_unread
from gateway.statistics import Statistics
from gateway.warmth import Warmth
from storage.entry import Entry
from storage.popularity import PopularityStore
from storage.sessions import SessionStore
from storage.spend import SpendStore
from storage.survey import Survey

BATCH_SECONDS = 50 * 3600.0
"""Within so long the two tries of a summary that is written by batches are over: a day each."""


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


@dataclass(frozen=True, slots=True)
class _Core:
    """What a lookup goes through."""

    parts: Parts
    storage: Storage
    money: Money
    refill: Refill
    flights: Flights[Entry]
    resolver: Resolver


class _Assembly:
    """What every step of opening needs."""

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
        statistics.listen(events)
        observing = open_observing(stack, config, events, clock)
        core = await self._core(observing)
        routes, storage, resolver = core.parts.routes, core.storage, core.resolver
        return Gateway(
            config=config,
            routes=routes,
            resolver=resolver,
            personal=PersonalResolver(resolver, core.refill, clock),
            sessions=self._sessions(routes, storage),
            tiers=storage.tiers,
            names=storage.names,
            flights=core.flights,
            events=events,
            breakers=core.parts.breakers,
            money=core.money,
            access=await open_access(stack, config, storage.sql, events, clock),
            broadcasts=core.refill.broadcasts,
            statistics=statistics,
            meters=_meters(routes),
            journal=storage.fleet.journal,
            refill=core.refill,
            invalidations=storage.invalidations,
            popularity=await self._popularity(storage),
            bulk=self._bulk(core),
            survey=Survey(storage.database, storage.tiers),
            leases=storage.leases,
            warmth=Warmth(),
            clock=clock,
            observing=observing.of(storage.database, *storage.fleet.tiers),
        )

    def _bulk(self, core: _Core) -> Bulk:
        desk = None
        if core.parts.post is not None:
            desk = Desk(
                resolver=core.resolver,
                tiers=core.storage.tiers,
                routes=core.parts.routes,
                summaries=core.refill.summaries,
                post=core.parts.post,
                prices=self._config.llm.prices,
                till=core.money.till,
                budgets=core.money.budgets,
                events=self._events,
            )
        return open_bulk(
            self._config,
            core.storage.sql,
            core.resolver,
            routes=core.parts.routes,
            events=self._events,
            clock=self._clock,
            desk=desk,
        )

    async def _core(self, observing: Observing) -> _Core:
        """Open what a lookup goes through."""
        parts = await self._parts(observing)
        storage = await open_storage(self._config, self._stack, self._events)
        money = await self._money(storage)
        refill = await self._refill(storage, money)
        flights: Flights[Entry] = Flights(self._deadline, spec=self._config.flights)
        self._stack.push_async_callback(flights.close, GRACE)
        resolver = self._resolver(parts.routes, storage, flights, refill)
        await open_unread(self._stack, parts.routes, storage.tiers.memory, self._events)
        share(storage.fleet, parts.routes, parts.breakers, self._events, self._clock)
        await self._stack.enter_async_context(storage.fleet.listening)
        return _Core(parts, storage, money, refill, flights, resolver)

    async def _refill(self, storage: Storage, money: Money) -> Refill:
        return await open_refill(
            self._config,
            self._stack,
            self._events,
            self._clock,
            storage=storage,
            till=money.till,
            budgets=money.budgets,
            deadline=self._deadline,
        )

    async def _parts(self, observing: Observing) -> Parts:
        return await open_parts(
            self._config,
            self._stack,
            self._events,
            self._clock,
            self._batch,
            tracing=observing.tracing,
        )

    async def _popularity(self, storage: Storage) -> Popularity:
        store = PopularityStore(storage.sql)
        popularity = Popularity(store, events=self._events, clock=self._clock)
        await self._stack.enter_async_context(popularity.running())
        self._events.subscribe(popularity, Asked, Served)
        return popularity

    async def _money(self, storage: Storage) -> Money:
        spend, batched = SpendStore(storage.sql), self._batch is not None
        return await open_money(
            self._stack, self._config, spend, self._events, self._clock, batched=batched
        )

    def _resolver(
        self, routes: Mapping[str, Route], storage: Storage, flights: Flights[Entry], refill: Refill
    ) -> Resolver:
        return Resolver(
            routes=routes,
            tiers=storage.tiers,
            flights=flights,
            refill=refill,
            events=self._events,
            similar=refill.queries,
            shedding=Shedding(self._config.shedding),
            clock=self._clock,
        )

    def _sessions(self, routes: Mapping[str, Route], storage: Storage) -> Sessions:
        sessions = Sessions(SessionStore(storage.sql), routes, self._events, self._clock)
        self._stack.push_async_callback(sessions.close)
        return sessions


def _deadline(config: Config) -> float:
    """Return seconds within which the slowest source and a model's two tries are given up."""
    slowest = max((section.limits.deadline for section in config.sources.values()), default=0.0)
    return slowest + 2 * config.llm.longest + 5.0


def _meters(routes: Mapping[str, Route]) -> dict[str, Meter]:
    sources = ((name, route.source) for name, route in routes.items())
    guarded = ((name, source) for name, source in sources if isinstance(source, Guarded))
    return {each: guard.meter for name, source in guarded for each, guard in source.named(name)}
