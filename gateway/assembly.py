"""The composition root: the only file that knows every concrete class."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from adapters.breaker import Breaker
from adapters.guard import Guarded
from adapters.http import open_session
from adapters.source import Source
from adapters.sources.dataset import DatasetSource
from adapters.sources.declarative import DeclarativeSource
from adapters.sources.spec import SpecError
from adapters.summarizers.base import Roles, Summarizer
from adapters.summarizers.extractive import Extractive
from gateway.config import Config, ConfigError, Fault, LlmSection, SourceSection
from gateway.events import CircuitChanged, Events, TierFailed
from gateway.flights import Flights
from gateway.freshness import capped
from gateway.quality import QualityGate
from gateway.refill import Fetch, Refill
from gateway.resolver import Resolver
from gateway.route import Route
from storage.database import DatabaseTier, open_database
from storage.entry import Entry, Part
from storage.memory import MemoryTier
from storage.name_index import NameIndex
from storage.summaries import SummaryStore
from storage.tier import TierError
from storage.tiers import Tiers

GRACE = 30.0
"""Seconds that flights have to land when the gateway closes."""
PURGE_EVERY = 3600.0
"""Seconds between two removals of what no tier needs to keep."""
MODEL_FAILURES, MODEL_RESET = 5, 60.0
"""After so many failures in a row a model rests for so many seconds."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that is open, by its role."""

    config: Config
    routes: Mapping[str, Route]
    resolver: Resolver
    tiers: Tiers
    names: NameIndex
    flights: Flights[Entry]
    events: Events
    breakers: Mapping[str, Breaker]


@asynccontextmanager
async def open_gateway(
    config: Config, *, events: Events | None = None, clock: Clock = time.time
) -> AsyncIterator[Gateway]:
    """Open what *config* names, and close it again, flights first, on the way out.

    Raise `ConfigError` for what only shows when it is built (an expression, a data file) and
    `TierError` when the database cannot be opened.
    """
    events = Events() if events is None else events
    async with AsyncExitStack() as stack:
        parts = await open_parts(config, stack, events, clock)
        database = await open_database(config.database.url)
        tiers = Tiers([MemoryTier(config.memory.max_bytes), database], _reporter(events))
        stack.push_async_callback(tiers.close)
        summaries, names = SummaryStore(database.database), NameIndex(database.database)
        await stack.enter_async_context(_purging(database, summaries, clock))
        deadline = _deadline(config)
        fetches: Flights[Fetch] = Flights(deadline)
        writings: Flights[Part] = Flights(deadline)
        flights: Flights[Entry] = Flights(deadline)
        stack.push_async_callback(writings.close, GRACE)
        stack.push_async_callback(fetches.close, GRACE)
        stack.push_async_callback(flights.close, GRACE)
        resolver = Resolver(
            routes=parts.routes,
            tiers=tiers,
            flights=flights,
            refill=Refill(
                tiers=tiers,
                summaries=summaries,
                names=names,
                fetches=fetches,
                writings=writings,
                events=events,
                clock=clock,
            ),
            events=events,
            clock=clock,
        )
        yield Gateway(config, parts.routes, resolver, tiers, names, flights, events, parts.breakers)


@dataclass(frozen=True, slots=True)
class Parts:
    """What stands between the gateway and its upstreams."""

    routes: Mapping[str, Route]
    breakers: Mapping[str, Breaker]


async def open_parts(
    config: Config, stack: AsyncExitStack, events: Events, clock: Clock = time.time
) -> Parts:
    """Build every route without asking anybody; raise `ConfigError` with all that is wrong."""
    builder = _Builder(config, stack, events, clock)
    routes, faults = {}, []
    for name, section in config.sources.items():
        try:
            routes[name] = await builder.route(name, section)
        except SpecError as error:
            faults.append(Fault(f"sources.{name}.{error.path}", error.message))
    if faults:
        raise ConfigError(tuple(faults))
    return Parts(routes, builder.breakers)


class _Builder:
    """Makes routes; sessions and the model's client are shared between them."""

    def __init__(self, config: Config, stack: AsyncExitStack, events: Events, clock: Clock) -> None:
        self.breakers: dict[str, Breaker] = {}
        self._config = config
        self._stack = stack
        self._events = events
        self._clock = clock
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._extractive = Extractive()
        self._model: Summarizer | None = None

    async def route(self, name: str, section: SourceSection) -> Route:
        source = await self._source(name, section)
        breaker = self._breaker(name, section.limits.breaker.failures, section.limits.breaker.reset)
        mapping = section.local.fields if section.local else section.response.fields
        summary = section.summary
        roles = summary.roles
        return Route(
            name=name,
            source=Guarded(source, section.limits, breaker, clock=self._clock),
            gate=QualityGate(section.quality),
            attribution=section.terms.credit,
            summarizer=await self._summarizer(section),
            freshness=capped(section.freshness, section.terms.max_ttl),
            description=section.description,
            params=section.params,
            fields=tuple(mapping),
            language=summary.language,
            roles=Roles(roles.purpose, roles.usage, roles.caution),
            prompt=summary.prompt,
            warm=section.warm,
            query_required=not any(spec.required for spec in section.params.values()),
        )

    async def _source(self, name: str, section: SourceSection) -> Source:
        if section.local is not None:
            return DatasetSource(name, section.local, section.terms, Path(), self._clock)
        if section.adapter != "declarative":
            return self._foreign(name, section)
        request = section.request
        assert request is not None  # SourceSection sees to it
        session = await self._session(allow_private=request.allow_private)
        return DeclarativeSource(
            name, request, section.response, section.terms, session, self._clock, section.params
        )

    def _foreign(self, name: str, section: SourceSection) -> Source:
        """Make the operator's own class: ``Class(name, section)``."""
        module, _, attribute = section.adapter.partition(":")
        try:
            made: Source = getattr(importlib.import_module(module), attribute)(name, section)
        except (ImportError, AttributeError) as error:
            raise SpecError("adapter", f"{section.adapter} cannot be loaded: {error}") from error
        return made

    async def _session(self, *, allow_private: bool) -> aiohttp.ClientSession:
        if allow_private not in self._sessions:
            session = open_session(allow_private=allow_private)
            self._sessions[allow_private] = await self._stack.enter_async_context(session)
        return self._sessions[allow_private]

    async def _summarizer(self, section: SourceSection) -> Summarizer | None:
        by = section.summary.by
        if by == "none":
            return None
        allowed = section.terms.llm_summary_allowed
        if by == "openai" and not allowed:
            raise SpecError("summary.by", "the source's terms forbid a model's summary")
        if by == "openai" or (by == "auto" and self._config.llm.usable and allowed):
            if self._model is None:
                self._model = await self._open_model(self._config.llm)
            return self._model
        return self._extractive

    async def _open_model(self, llm: LlmSection) -> Summarizer:
        # Importing the SDK takes a second and 50 MB: only who configures a model pays for it.
        from adapters.summarizers.openai import OpenAISummarizer  # noqa: PLC0415

        breaker = self._breaker(f"llm:{llm.model}", MODEL_FAILURES, MODEL_RESET)
        model = OpenAISummarizer(llm.base_url, llm.api_key, llm.model, llm.timeout, breaker)
        self._stack.push_async_callback(model.close)
        return model

    def _breaker(self, name: str, failures: int, reset: float) -> Breaker:
        def changed(upstream: str, before: str, after: str) -> None:
            self._events.emit(CircuitChanged(upstream, before, after))

        breaker = Breaker(name, failures, reset, clock=self._clock, on_change=changed)
        self.breakers[name] = breaker
        return breaker


def _deadline(config: Config) -> float:
    """Return seconds within which the slowest source and the model are through or given up."""
    slowest = max((section.limits.deadline for section in config.sources.values()), default=0.0)
    return slowest + config.llm.timeout + 5.0


def _reporter(events: Events) -> Callable[[str, str, Exception], None]:
    def report(tier: str, operation: str, error: Exception) -> None:
        events.emit(TierFailed(tier, operation, str(error)))

    return report


@asynccontextmanager
async def _purging(
    database: DatabaseTier, summaries: SummaryStore, clock: Clock
) -> AsyncIterator[None]:
    async def purge() -> None:
        while True:
            # A database that cannot purge cannot be read either, and reads tell of it.
            with suppress(TierError):
                await database.purge(clock())
                await summaries.purge(clock())
            await asyncio.sleep(PURGE_EVERY)

    task = asyncio.create_task(purge(), name="purge")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
