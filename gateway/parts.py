"""Routes from their sections: beside `gateway.assembly`, all that knows concrete classes."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec

from adapters.breaker import Breaker
from adapters.guard import Guarded
from adapters.http import open_session, user_agent
from adapters.llm.batched import BatchRun
from adapters.rates import Rates
from adapters.source import Source
from adapters.sources.composite import CompositeSource
from adapters.sources.composition import CompositeSpec
from adapters.sources.dataset import DatasetSource
from adapters.sources.declarative import DeclarativeSource
from adapters.sources.limits import LimitsSpec
from adapters.sources.spec import ParamSpec, RequestSpec, SpecError
from adapters.sources.units import Duration
from adapters.summarizers.base import Roles
from gateway.config import Config, ConfigError, Fault, LlmSection, SourceSection
from gateway.context import declared
from gateway.events import CircuitChanged, Events
from gateway.freshness import capped
from gateway.location import check_location
from gateway.quality import QualityGate
from gateway.route import Deadlines, Route
from gateway.tracing.opening import NoTracing, Tracing
from gateway.writers import Post, Writers

MODEL_FAILURES, MODEL_RESET = 5, 60.0
"""After so many failures in a row a model rests for so many seconds."""

LATE_PARTS = 1.0
"""Seconds for which a composite source outlives its parts' deadline, to say which are missing."""

FLIGHT_MARGIN = 5.0
"""Seconds of a flight for what is neither fetching nor writing."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Parts:
    """What stands between the gateway and its upstreams."""

    routes: Mapping[str, Route]
    breakers: Mapping[str, Breaker]
    post: Post | None = None
    """The batch endpoint of the model, where it may be used."""


async def open_parts(
    config: Config,
    stack: AsyncExitStack,
    events: Events,
    clock: Clock = time.time,
    batch: BatchRun | None = None,
    *,
    tracing: Tracing | None = None,
) -> Parts:
    """Build every route without asking anybody; raise `ConfigError` with all that is wrong.

    With *batch* the model is asked by batches; with *tracing* calls to upstreams have spans.
    """
    builder = _Builder(config, stack, events, clock, batch, tracing or NoTracing())
    routes, faults = {}, []
    for name, section in config.sources.items():
        try:
            routes[name] = await builder.route(name, section)
        except SpecError as error:
            faults.append(Fault(f"sources.{name}.{error.path}", error.message))
    if faults:
        raise ConfigError(tuple(faults))
    return Parts(routes, builder.breakers, builder.writers.post)


class _Builder:
    """Makes routes; sessions and the model's client are shared between them."""

    def __init__(  # noqa: PLR0917 - what a source may need, in the order of opening
        self,
        config: Config,
        stack: AsyncExitStack,
        events: Events,
        clock: Clock,
        batch: BatchRun | None,
        tracing: Tracing,
    ) -> None:
        self.breakers: dict[str, Breaker] = {}
        self._config = config
        self._stack = stack
        self._events = events
        self._clock = clock
        self._tracing = tracing
        self._sessions: dict[tuple[bool, bool], aiohttp.ClientSession] = {}
        self.writers = Writers(
            config.llm, stack, breaker=self._model_breaker, events=events, batch=batch
        )

    async def route(self, name: str, section: SourceSection) -> Route:
        source = await self._source(name, section)
        circuit = section.limits.breaker
        breaker = self._breaker(name, circuit.failures, circuit.reset, circuit.rates)
        terms = section.all_terms
        summary = section.summary
        roles = summary.roles
        return Route(
            name=name,
            source=Guarded(
                source, _limits(section), breaker, clock=self._clock, params=section.params
            ),
            gate=QualityGate(section.quality, summary.rules),
            attribution=terms.credit,
            summarizer=self.writers.of(section),
            freshness=capped(section.freshness, terms.max_ttl),
            description=section.description,
            params=section.params,
            fields=section.field_names,
            language=summary.language,
            roles=Roles(roles.purpose, roles.usage, roles.caution),
            prompt=summary.prompt,
            scope=summary.scope,
            per_call=summary.per_call,
            context=declared(section.context),
            sessions=summary.sessions,
            warm=section.warm,
            tags=section.tags,
            similar=section.similar,
            store=terms.store,
            share=section.share,
            location=section.location,
            fold_case=section.case == "fold",
            deadlines=_deadlines(section.limits, self._config.llm),
            query_required=not any(spec.required for spec in section.params.values()),
        )

    async def _source(self, name: str, section: SourceSection) -> Source:
        if section.location is not None:
            check_location(section.location, section.params, section.response.fields)
        if section.local is not None:
            at = "dataset" if section.adapter == "dataset" else "without_key"
            return DatasetSource(name, section.local, section.terms, Path(), self._clock, at=at)
        if section.composite is not None:
            return await self._composite(name, section, section.composite)
        if section.adapter != "declarative":
            return self._foreign(name, section)
        request = section.request
        assert request is not None  # SourceSection sees to it
        session = await self._session(request)
        return DeclarativeSource(
            name, request, section.response, section.terms, session, self._clock, section.params
        )

    async def _composite(self, name: str, section: SourceSection, spec: CompositeSpec) -> Source:
        """Make a source of several, each with its own guard."""
        parts = {part: await self._part(name, part, section) for part in spec.parts}
        return CompositeSource(
            spec, parts, section.all_terms.credit, self._clock, seconds=section.limits.deadline
        )

    async def _part(self, name: str, part: str, section: SourceSection) -> Source:
        assert section.composite is not None
        spec = section.composite.parts[part]
        limits = (spec.limits or section.limits).when_keyed(keyed=spec.request.is_keyed)
        session = await self._session(spec.request)
        params = {**section.params, **dict.fromkeys(spec.needs, ParamSpec())}
        circuit = limits.breaker
        breaker = self._breaker(f"{name}.{part}", circuit.failures, circuit.reset, circuit.rates)
        try:
            source = DeclarativeSource(
                part, spec.request, spec.response, spec.terms, session, self._clock, params
            )
            return Guarded(source, limits, breaker, clock=self._clock, params=params)
        except SpecError as error:
            path = f"composite.parts.{part}.{error.path}"
            raise SpecError(path, error.message) from error

    def _foreign(self, name: str, section: SourceSection) -> Source:
        """Make the operator's own class: ``Class(name, section)``."""
        module, _, attribute = section.adapter.partition(":")
        try:
            made: Source = getattr(importlib.import_module(module), attribute)(name, section)
        except (ImportError, AttributeError) as error:
            raise SpecError("adapter", f"{section.adapter} cannot be loaded: {error}") from error
        return made

    async def _session(self, request: RequestSpec) -> aiohttp.ClientSession:
        needs = request.allow_private, request.propagate_trace
        if needs not in self._sessions:
            session = open_session(
                allow_private=request.allow_private,
                user_agent=user_agent(self._config.server.contact),
                traces=self._tracing.client(propagate=request.propagate_trace),
            )
            self._sessions[needs] = await self._stack.enter_async_context(session)
        return self._sessions[needs]

    def _model_breaker(self, model: str) -> Breaker:
        name = f"llm:{model}"
        same = sum(known.partition("#")[0] == name for known in self.breakers)
        name = f"{name}#{same + 1}" if same else name  # one model on two servers
        return self._breaker(name, MODEL_FAILURES, MODEL_RESET)

    def _breaker(
        self, name: str, failures: int, reset: float, rates: Rates | None = None
    ) -> Breaker:
        def changed(upstream: str, before: str, after: str) -> None:
            self._events.emit(CircuitChanged(upstream, before, after))

        breaker = Breaker(name, failures, reset, clock=self._clock, on_change=changed, rates=rates)
        self.breakers[name] = breaker
        return breaker


def _limits(section: SourceSection) -> LimitsSpec:
    """Return what the whole of a source is spared: each part of a composite minds its own."""
    limits = section.limits
    if section.composite is None:
        keyed = section.request is not None and section.request.is_keyed
        return limits.when_keyed(keyed=keyed)
    return msgspec.structs.replace(
        limits,
        quotas=(),
        cost=1,
        min_interval=Duration(0),
        retries=0,
        deadline=Duration(limits.deadline + LATE_PARTS),
        bulk_deadline=Duration(limits.bulk_deadline + LATE_PARTS),
    )


def _deadlines(limits: LimitsSpec, llm: LlmSection) -> Deadlines:
    """Return how long flights take at most: the fetch, a model's two tries and a margin."""
    writing = 2 * llm.longest + FLIGHT_MARGIN
    return Deadlines(
        soft=limits.soft_timeout,
        hard=limits.deadline + writing,
        bulk=max(limits.deadline, limits.bulk_deadline) + writing,
    )
