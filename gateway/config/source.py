"""``sources.NAME`` of ``config.yaml`` as a type: one source, and how it is summarized."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

from adapters.sources.composition import CompositeSpec
from adapters.sources.spec import (
    DatasetSpec,
    LimitsSpec,
    ParamSpec,
    RequestSpec,
    ResponseSpec,
    TermsSpec,
)
from adapters.sources.units import Spec
from gateway.context import declared
from gateway.freshness import FreshnessSpec
from gateway.likeness import SimilarSpec
from gateway.location import DISTANCE, LocationSpec
from gateway.quality import QualitySpec
from gateway.quality.report import ReportRules

_ADAPTERS = ("declarative", "composite", "dataset")
_CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class RolesSpec(Spec, frozen=True, kw_only=True):
    """Which record fields say what, the most telling first; the extractive summary reads them."""

    purpose: tuple[str, ...] = ()
    """What the thing is for."""
    usage: tuple[str, ...] = ()
    """How it is used."""
    caution: tuple[str, ...] = ()
    """What to beware of."""


class SummarySpec(Spec, frozen=True, kw_only=True):
    """How a source's records are summarized."""

    by: Literal["auto", "extractive", "openai", "none"] = "auto"
    """``auto``: ``openai`` when ``llm`` names a server or a key, else ``extractive``."""
    scope: Literal["result", "item"] = "result"
    """``result``: one summary of all records; ``item``: one of each, in its ``summary``."""
    per_call: Annotated[int, msgspec.Meta(ge=1)] = 8
    """With ``scope: item``, at most so many records are summarized in one call to the model."""
    language: str = "en"
    """Of the summary, unless the caller says ``lang``."""
    prompt: str = ""
    """Instructions for the model; empty: the gateway's own."""
    schema: dict[str, Any] | None = None
    """JSON Schema of a report, an object; ``x-grounded: false`` in it marks what is judged."""
    require: str = ""
    """A JMESPath predicate that a report must meet, such as ``risk > `0```."""
    roles: RolesSpec = msgspec.field(default_factory=RolesSpec)
    """Which fields say what."""
    sessions: bool = False
    """What a client's session (``X-Session``) looked up before shapes the summaries it gets."""

    @property
    def rules(self) -> ReportRules:
        """What a report must be; raise `SpecError` when *schema* or *require* is none."""
        return ReportRules(self.schema, self.require)


class SourceSection(Spec, frozen=True, kw_only=True):
    """One source: how it is asked, how long its answers hold, how they are summarized."""

    catalog: str = ""
    """A block of the catalog that this one is laid over, key by key (``docs/sources.md``)."""
    adapter: str = "declarative"
    """``declarative`` (an HTTP API), ``composite`` (several as one), ``dataset`` (a local file) or
    ``module:Class`` (your own)."""
    description: str = ""
    """What can be asked, for people; ``/v1/sources`` shows it."""
    share: Literal["public", "tenant"] = "tenant"
    """``public``: all tenants share its answers, as they may those of public data."""
    request: RequestSpec | None = None
    """How the upstream is asked."""
    response: ResponseSpec = msgspec.field(default_factory=ResponseSpec)
    """How its answer is read."""
    composite: CompositeSpec | None = None
    """The upstreams of a ``composite`` source."""
    case: Literal["fold", "keep"] = "fold"
    """``fold``: queries that differ in case alone are one; ``keep``: their upstream minds."""
    location: LocationSpec | None = None
    """For lookups near a point: how near two askers must be to share an answer."""
    dataset: DatasetSpec | None = None
    """The file of a ``dataset`` source."""
    without_key: DatasetSpec | None = None
    """A file that is searched instead while a key of *request* is missing."""
    params: dict[str, ParamSpec] = msgspec.field(default_factory=dict)
    """Parameters that callers may give beside ``q``."""
    context: dict[str, tuple[str | bool, ...]] = msgspec.field(default_factory=dict)
    """Classes of readers for ``context=``, and the values of each: ``{pregnancy: [yes, no]}``."""
    terms: TermsSpec = msgspec.field(default_factory=TermsSpec)
    """Whom to credit, and what the upstream allows."""
    limits: LimitsSpec = msgspec.field(default_factory=LimitsSpec)
    """What the upstream is spared."""
    freshness: FreshnessSpec = msgspec.field(default_factory=FreshnessSpec)
    """How long answers hold."""
    similar: SimilarSpec = msgspec.field(default_factory=SimilarSpec)
    """When the answer of a similar query may stand in."""
    summary: SummarySpec = msgspec.field(default_factory=SummarySpec)
    """How records are summarized."""
    quality: QualitySpec = msgspec.field(default_factory=QualitySpec)
    """What an answer must be to be kept."""
    warm: tuple[str, ...] = ()
    """Queries that are loaded ahead."""
    probe: dict[str, str] = msgspec.field(default_factory=dict)
    """What ``sources --probe`` asks, ``q`` and parameters by name; else the first of *warm*."""
    tags: tuple[str, ...] = ()
    """Names by which its answers are invalidated together with those of other sources."""

    def __post_init__(self) -> None:
        declared(self.context)
        if self.adapter == "declarative" and self.request is None:
            raise ValueError("a declarative source needs request")
        if self.adapter == "dataset" and (self.dataset is None or not self.dataset.id):
            raise ValueError("a dataset source needs dataset, with an id")
        if self.adapter == "composite" and (self.composite is None or not self.composite.parts):
            raise ValueError("a composite source needs composite, with parts")
        if self.adapter not in _ADAPTERS and not _CLASS.fullmatch(self.adapter):
            known = ", ".join(_ADAPTERS)
            raise ValueError(f'adapter "{self.adapter}" is none of {known} and module:Class')

    @property
    def local(self) -> DatasetSpec | None:
        """The file that is searched instead of an upstream: by design, or for want of a key."""
        if self.adapter == "dataset":
            return self.dataset
        if self.request is not None and not self.request.has_keys:
            return self.without_key
        return None

    @property
    def requests(self) -> tuple[RequestSpec, ...]:
        """How its upstreams are asked, one or several."""
        parts = self.composite.parts.values() if self.composite is not None else ()
        return (*((self.request,) if self.request else ()), *(part.request for part in parts))

    @property
    def field_names(self) -> tuple[str, ...]:
        """What its records have beside their id."""
        distance = (DISTANCE,) if self.location is not None else ()
        if self.composite is not None:
            return (*self.composite.field_names, *distance)
        return (*(self.local.fields if self.local else self.response.fields), *distance)

    @property
    def all_terms(self) -> TermsSpec:
        """Its terms, and those of every part of a composite source."""
        return self.terms if self.composite is None else self.composite.terms_with(self.terms)
