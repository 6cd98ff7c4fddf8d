"""The sections of ``config.yaml`` as types, strict and frozen, with their defaults.

``docs/configuration.md`` is their manual, and a test holds the two together.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from adapters.llm.spec import EmbeddingsSpec, ModelSpec, check_base_url
from adapters.sources.spec import LimitsSpec
from adapters.sources.units import Duration, Size, Spec, seconds
from gateway.access.spec import AccessSection
from gateway.bulk.spec import BatchesSpec
from gateway.config.database import DatabaseSection
from gateway.config.invalidation import InvalidationSpec
from gateway.config.source import SourceSection, SummarySpec
from gateway.config.warmup import WarmupSection
from gateway.fleet.section import RedisSection
from gateway.flights import FlightsSpec
from gateway.freshness import FreshnessSpec
from gateway.logs.files import LogsSpec
from gateway.profiling.spec import ProfilingSpec
from gateway.quality import QualitySpec
from gateway.rates import ClientsSpec, networks
from gateway.shedding import SheddingSpec
from gateway.spend.budgets import BudgetsSpec
from gateway.spend.prices import PriceSpec
from gateway.streaming import StreamSpec
from gateway.tracing.spec import TelemetrySpec
from gateway.watches.spec import WatchesSpec

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class AdminSpec(Spec, frozen=True, kw_only=True):
    """A port of its own for those who operate the gateway."""

    host: str = "127.0.0.1"
    """Name or address to listen on."""
    port: Port = 9090
    """TCP port; 0 takes a free one. With several workers theirs are the next ones."""


class ServerSection(Spec, frozen=True, kw_only=True):
    """Where the gateway listens."""

    host: str = "127.0.0.1"
    """Name or address to listen on; ``0.0.0.0`` is every one of this machine's."""
    port: Port = 8080
    """TCP port; 0 takes a free one."""
    admin: AdminSpec | None = None
    """With it, ``/metrics``, ``/dashboard`` and the admin routes are answered there alone."""
    stream: StreamSpec = msgspec.field(default_factory=StreamSpec)
    """``/v1/search/stream``."""
    contact: str = ""
    """Mail address or URL in the User-Agent that upstreams see; some refuse who gives none."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks such as ``10.0.0.0/8`` whose ``X-Forwarded-For`` is believed; no others' is."""
    cors: tuple[str, ...] = ()
    """Origins such as ``https://app.example`` whose pages may read the answers."""

    def __post_init__(self) -> None:
        networks(self.trusted_proxies)

    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    """So many processes serve the port; they agree as replicas do."""


class MemorySection(Spec, frozen=True, kw_only=True):
    """The memory tier."""

    max_bytes: Size = msgspec.field(default_factory=lambda: Size(256 << 20))
    """Entries may take so much; the least used go first."""
    encoded_bytes: Size = msgspec.field(default_factory=lambda: Size(32 << 20))
    """Answers as they were sent, compressed once for all who ask, may take so much more."""
    ready_bytes: Size = msgspec.field(default_factory=lambda: Size(32 << 20))
    """URLs whose answers are sent without parsing the request may take so much more; 0: none."""


class LlmSection(Spec, frozen=True, kw_only=True):
    """The OpenAI-compatible server that writes summaries where ``by`` asks for one."""

    base_url: str = ""
    """Of the API, such as ``http://127.0.0.1:11434/v1``; empty: OpenAI's own."""
    api_key: str = ""
    """Empty with a *base_url*: a server that wants none."""
    model: str = "gpt-4o-mini"
    """Name of the model, as the server calls it."""
    timeout: Duration = seconds(20)
    """For one summary, from the request to its last word."""
    models: tuple[ModelSpec, ...] = ()
    """Models in order, instead of *model*: the next one is asked when one is down or limited."""
    hedge_after: Duration = Duration(0)
    """After so long without an answer the next model is asked as well; 0: it is not."""
    embeddings: EmbeddingsSpec | None = None
    """With a model here, inputs that are as good as the same share a summary."""
    batch: bool = False
    """The server has OpenAI's batch endpoint: summaries of ``/v1/batches`` whose callers have the
    patience of a day are written through it. `prices` say what that costs."""
    prices: dict[str, PriceSpec] = msgspec.field(default_factory=dict)
    """What models cost, by their names; what an unpriced model costs is unknown, not nothing."""

    def __post_init__(self) -> None:
        check_base_url(self.base_url)

    @property
    def usable(self) -> bool:
        """Whether there is a server to ask."""
        return all(spec.base_url or spec.api_key or spec.headers for spec in self.chain)

    @property
    def chain(self) -> tuple[ModelSpec, ...]:
        """The models that are asked, in their order; each with all that it needs."""
        return tuple(spec.within(self.own) for spec in self.models) or (self.own,)

    @property
    def asked(self) -> tuple[ModelSpec | EmbeddingsSpec, ...]:
        """Every model that may be paid."""
        return (*self.chain, *(() if self.embeddings is None else (self.embeddings,)))

    @property
    def own(self) -> ModelSpec:
        """The one model that the section names itself: what others leave out is its."""
        return ModelSpec(
            model=self.model, base_url=self.base_url, api_key=self.api_key, timeout=self.timeout
        )

    @property
    def longest(self) -> float:
        """Seconds that one summary may take when every model is asked in turn."""
        return sum(spec.timeout or 0.0 for spec in self.chain)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every key that it holds; what stands in a header may be one."""
        specs = (*self.asked, *self.models)
        headers = [text for spec in specs for text in spec.headers.values() if len(text) >= 8]
        return (*(spec.api_key for spec in specs), *headers)


class DefaultsSection(Spec, frozen=True, kw_only=True):
    """What a source has unless it says otherwise; each key for itself."""

    freshness: FreshnessSpec = msgspec.field(default_factory=FreshnessSpec)
    """How long answers hold."""
    limits: LimitsSpec = msgspec.field(default_factory=LimitsSpec)
    """What an upstream is spared."""
    summary: SummarySpec = msgspec.field(default_factory=SummarySpec)
    """How records are summarized."""
    quality: QualitySpec = msgspec.field(default_factory=QualitySpec)
    """What an answer must be to be kept."""


class Config(Spec, frozen=True, kw_only=True):
    """The whole file."""

    server: ServerSection = msgspec.field(default_factory=ServerSection)
    """Where the gateway listens."""
    access: AccessSection = msgspec.field(default_factory=AccessSection)
    """Who is let in."""
    memory: MemorySection = msgspec.field(default_factory=MemorySection)
    """The memory tier."""
    redis: RedisSection = msgspec.field(default_factory=RedisSection)
    """What replicas share."""
    database: DatabaseSection = msgspec.field(default_factory=DatabaseSection)
    """The database tier."""
    invalidation: InvalidationSpec = msgspec.field(default_factory=InvalidationSpec)
    """How replicas agree on what was withdrawn."""
    llm: LlmSection = msgspec.field(default_factory=LlmSection)
    """The model that writes summaries."""
    budgets: BudgetsSpec = msgspec.field(default_factory=BudgetsSpec)
    """What summaries may cost in a day."""
    defaults: DefaultsSection = msgspec.field(default_factory=DefaultsSection)
    """What a source has unless it says otherwise."""
    sources: dict[str, SourceSection] = msgspec.field(default_factory=dict)
    """Every source by the name that callers use."""
    flights: FlightsSpec = msgspec.field(default_factory=FlightsSpec)
    """Fetches in progress, one for each key."""
    shedding: SheddingSpec = msgspec.field(default_factory=SheddingSpec)
    """When the process refuses work that it has no time for."""
    clients: ClientsSpec | None = None
    """How often one client may ask; without it nobody is held back."""
    batches: BatchesSpec = msgspec.field(default_factory=BatchesSpec)
    """Thousands of lookups at once, behind callers."""
    watches: WatchesSpec = msgspec.field(default_factory=WatchesSpec)
    """Lookups that are repeated on a schedule."""
    warmup: WarmupSection = msgspec.field(default_factory=WarmupSection)
    """What is loaded ahead."""
    logs: LogsSpec = msgspec.field(default_factory=LogsSpec)
    """What the process says of itself."""
    telemetry: TelemetrySpec = msgspec.field(default_factory=TelemetrySpec)
    """Traces, where something takes them."""
    profiling: ProfilingSpec = msgspec.field(default_factory=ProfilingSpec)
    """What is kept of the slow."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every key and password that it holds, for those who must not show them."""
        requests = [request for source in self.sources.values() for request in source.requests]
        keys = [auth.key for request in requests for auth in request.auths]
        own = (
            *self.database.secrets,
            self.watches.secret,
            self.access.token_secret,
            *self.telemetry.headers.values(),
        )
        return tuple(filter(None, (*self.llm.secrets, *self.redis.secrets, *own, *keys)))
