"""How a source is written in ``config.yaml``: strict, frozen structs and nothing that acts.

``docs/sources.md`` is the manual of this language, with an example for each feature.
Expressions over documents and rows are JMESPath; they compile when a source is built,
and a wrong one is a `SpecError` there.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from adapters.source import Attribution
from adapters.sources.answers import ErrorRule, FieldSpec, ResponseSpec, SuccessSpec
from adapters.sources.limits import BreakerSpec, LimitsSpec, QuotaSpec
from adapters.sources.units import Duration, Positive, Size, Spec, seconds

__all__ = [
    "AuthSpec",
    "BreakerSpec",
    "DatasetSpec",
    "ErrorRule",
    "FieldSpec",
    "LimitHeadersSpec",
    "LimitsSpec",
    "PagesSpec",
    "ParamSpec",
    "QuotaSpec",
    "RequestSpec",
    "ResponseSpec",
    "SpecError",
    "SuccessSpec",
    "TermsSpec",
]


class SpecError(ValueError):
    """A source's configuration is wrong at *path*, such as ``response.fields.name``."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class ParamSpec(Spec, frozen=True, kw_only=True):
    """A parameter that callers may give beside ``q``; any other name is refused."""

    type: Literal["text", "int", "float"] = "text"
    """What the value must be."""
    description: str = ""
    """For people; ``/v1/sources`` shows it."""
    required: bool = False
    """A lookup without it is refused."""
    default: str = ""
    """What stands for it when a caller gives none."""
    enum: tuple[str, ...] = ()
    """The values that are allowed; empty: any."""
    min: float | None = None
    """The least number."""
    max: float | None = None
    """The greatest number."""
    max_length: Positive = 200
    """Characters of the value."""
    pattern: str = ""
    """A regular expression that the whole value must match."""
    together: tuple[str, ...] = ()
    """Parameters that must be given when this one is."""


class AuthSpec(Spec, frozen=True, kw_only=True):
    """How a request proves who asks."""

    place: Literal["query", "header", "path"] = msgspec.field(name="in", default="query")
    """``path`` puts the key where the URL says ``{key}``."""
    name: str = ""
    """Of the query parameter or header."""
    key: str = ""
    """The secret itself: ``${NAME:-}``."""
    scheme: str = ""
    """In front of a header's key: ``Bearer``, ``KakaoAK``."""
    form: Literal["auto", "decoded", "encoded"] = "auto"
    """Whether *key* is already percent-encoded; it reaches the server encoded exactly once."""
    required: bool = True
    """Without a key the upstream is not asked at all."""


class PagesSpec(Spec, frozen=True, kw_only=True):
    """How an upstream is asked for more than one page.

    ``{page}`` (from 1), ``{offset}`` (from 0), ``{first}`` and ``{last}`` (rows, from 1),
    ``{size}`` and ``{cursor}`` stand in the URL and its parameters. The end is a short or empty
    page, the total, no next cursor, or *max*.
    """

    size: Positive = 100
    """Rows of a full page."""
    max: Positive = 1
    """So many pages at most; each is a call."""
    cursor: str = ""
    """JMESPath over the document to the next page's cursor."""
    next: str = ""
    """``link``: the ``Link`` header names the next page; else JMESPath over the document to its
    URL. It must be on the same host; the key is sent with it."""
    more: str = ""
    """JMESPath over the document: truthy while there are more pages (``!(meta.is_end)``)."""


class LimitHeadersSpec(Spec, frozen=True, kw_only=True):
    """Headers of our own limit upstream, where they are not named as usual."""

    remaining: str = ""
    """How many calls are left."""
    reset: str = ""
    """When there are more."""
    unit: Literal["auto", "s", "ms"] = "auto"
    """Of *reset*, where it is a number: seconds or ms from now; ``auto`` knows Unix times too."""


class RequestSpec(Spec, frozen=True, kw_only=True):
    """How the upstream is asked.

    ``{q}``, ``{lang}`` and ``{name}`` of a declared parameter stand in *url*, *params* and
    *headers*, with a default (``{name:5}``) and filters (``{q|phrase}``). A parameter whose
    placeholders are empty is not sent; nor is a path segment in brackets (``[/{id}]``).
    """

    url: str
    """Of the operation, with its placeholders."""
    params: dict[str, str] = msgspec.field(default_factory=dict)
    """Query parameters, in their order."""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """Sent beside the gateway's own."""
    vars: dict[str, str] = msgspec.field(default_factory=dict)
    """Texts for placeholders that are no parameters, such as the version of an operation."""
    auth: AuthSpec | tuple[AuthSpec, ...] = ()
    """One proof, or several that go together."""
    pages: PagesSpec = msgspec.field(default_factory=PagesSpec)
    """How further pages are asked for."""
    space: Literal["%20", "+"] = "%20"
    """How a space is written in the query."""
    safe: str = ""
    """Characters of values that are not percent-encoded (``;`` at the World Bank)."""
    charset: str = "utf-8"
    """In which values are percent-encoded (``euc-kr`` at old Korean services)."""
    limit_headers: LimitHeadersSpec = msgspec.field(default_factory=LimitHeadersSpec)
    """Where this upstream says what is left of its limit, beside ``RateLimit`` and its kin."""
    timeout: Duration = seconds(10)
    """For one call, from connecting to the last byte."""
    max_bytes: Size = msgspec.field(default_factory=lambda: Size(8 << 20))
    """A longer body is malformed; reading stops there."""
    allow_private: bool = False
    """The host may be on a private or loopback address."""
    propagate_trace: bool = False
    """The upstream is told the trace of the request (``traceparent``): only where it is yours."""
    valid_from: str = ""
    """The first day of this API, ISO 8601; before it nobody is asked."""
    valid_until: str = ""
    """The last day of this API, ISO 8601; after it nobody is asked."""
    successor: str = ""
    """What to use instead then; the caller reads it."""

    @property
    def auths(self) -> tuple[AuthSpec, ...]:
        """Return *auth* as a tuple, whichever way it was written."""
        return (self.auth,) if isinstance(self.auth, AuthSpec) else self.auth

    @property
    def has_keys(self) -> bool:
        """Tell whether every key that the upstream needs is there."""
        return all(auth.key or not auth.required for auth in self.auths)

    @property
    def is_keyed(self) -> bool:
        """Tell whether it is asked with a key: many give more to whom they know."""
        return any(auth.key for auth in self.auths)


class DatasetSpec(Spec, frozen=True, kw_only=True):
    """A local file of public data that is searched by name."""

    path: str
    """Relative to the configuration."""
    format: Literal["jsonl", "csv"] = "jsonl"
    """JSON lines, or CSV with a header."""
    encoding: str = "utf-8"
    """Of the file."""
    id: str = ""
    """JMESPath over a row; empty in ``without_key``: that of the response."""
    search: tuple[str, ...] = ("name",)
    """Our fields that the query is looked for in, the most telling first."""
    fields: dict[str, str | FieldSpec] = msgspec.field(default_factory=dict)
    """Ours: theirs, as JMESPath over a row; empty in ``without_key``: those of the response."""
    nulls: tuple[str, ...] = ("",)
    """Texts that mean "nothing"."""
    strip_tags: bool = True
    """Take out HTML and XML tags and decode entities."""
    max_records: Positive = 20
    """Further matches are only counted."""
    at: str = ""
    """The date of the data, ISO 8601; empty: now."""


class TermsSpec(Spec, frozen=True, kw_only=True):
    """Whom to credit, and what the upstream allows."""

    attribution: str = ""
    """Whom every answer credits."""
    url: str = ""
    """Where the data come from."""
    license: str = ""
    """An SPDX identifier, or its name."""
    max_ttl: Duration | None = None
    """No entry of this source lives longer."""
    store: Literal["permanent", "memory_only", "never"] = "permanent"
    """Where entries may be kept."""
    llm_summary_allowed: bool = True
    """Whether a model may be given the records."""

    @property
    def credit(self) -> Attribution:
        """What every answer says."""
        return Attribution(self.attribution, self.url, self.license)
