"""A source as configured: whom to ask, who summarizes, what is kept and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from adapters.source import Attribution, Priority, Source
from adapters.sources.spec import ParamSpec
from adapters.summarizers.base import Roles, Summarizer
from gateway.freshness import FreshnessSpec
from gateway.likeness import SimilarSpec
from gateway.location import LocationSpec
from gateway.quality import QualityGate


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a flight of this source may take, in seconds, summary included."""

    soft: float = 2.0
    """After so long a caller is given an old answer, and the flight goes on."""
    hard: float = 75.0
    """A flight that somebody may be waiting for is ended."""
    bulk: float = 600.0
    """A flight of a warm-up or of bulk work is ended."""

    def of(self, priority: Priority) -> float:
        """Return after how long a flight of *priority* is ended."""
        return self.bulk if priority >= Priority.WARMUP else self.hard


@dataclass(frozen=True, slots=True)
class Route:
    """Everything that the resolver needs to know of one source."""

    name: str
    source: Source
    gate: QualityGate
    attribution: Attribution
    summarizer: Summarizer | None = None
    """None: this source has no summaries."""
    freshness: FreshnessSpec = field(default_factory=FreshnessSpec)
    description: str = ""
    params: Mapping[str, ParamSpec] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    """Names of the record fields that ``fields=`` may choose."""
    language: str = ""
    roles: Roles = field(default_factory=Roles)
    prompt: str = ""
    scope: Literal["result", "item"] = "result"
    """One summary of all records, or one of each."""
    per_call: int = 8
    """At most so many records are summarized in one call to a model."""
    warm: tuple[str, ...] = ()
    store: Literal["permanent", "memory_only", "never"] = "permanent"
    """What the upstream's terms allow to be kept, and where."""
    tags: tuple[str, ...] = ()
    """Names by which its answers are withdrawn together with those of other sources."""
    share: Literal["public", "tenant"] = "tenant"
    """Whether tenants share answers: of public data they may, of anything else never."""
    deadlines: Deadlines = field(default_factory=Deadlines)
    fold_case: bool = True
    """Queries that differ in case alone are one."""
    location: LocationSpec | None = None
    """How lookups near a point share answers; None: it has none."""
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Classes of readers, and the values of each, that summaries are written for apart."""
    sessions: bool = False
    """What a session looked up before shapes the summaries that it gets."""
    similar: SimilarSpec = field(default_factory=SimilarSpec)
    """When another query's answer may stand in."""
    query_required: bool = True
    """``q`` must be given; a source with required parameters of its own may do without."""
