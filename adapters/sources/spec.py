"""How a source is written in ``config.yaml``: strict, frozen structs and nothing that acts.

``docs/sources.md`` is the manual of this language, with an example for each feature.
Expressions over documents and rows are JMESPath; they compile when a source is built,
and a wrong one is a `SpecError` there.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from adapters.source import Attribution
from adapters.sources.limits import BreakerSpec, LimitsSpec, QuotaSpec
from adapters.sources.units import Duration, Size, Spec, seconds

Outcome = Literal[
    "empty",
    "invalid_input",
    "auth_config",
    "not_approved",
    "quota_day",
    "quota_short",
    "transient",
    "upstream_down",
    "malformed",
]
"""What an error rule makes of an answer: a kind of `adapters.errors.Kind`, or no match."""

Cast = Literal["text", "int", "float", "bool", "date", "time", "list", "any"]
"""What a field becomes: ``date`` is ISO 8601, ``time`` is HH:MM, ``any`` is left as it came."""


__all__ = [
    "AuthSpec",
    "BreakerSpec",
    "DatasetSpec",
    "ErrorRule",
    "FieldSpec",
    "LimitsSpec",
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
    description: str = ""
    required: bool = False
    default: str = ""
    """What stands for it when a caller gives none."""
    enum: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    max_length: int = 200
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
    scheme: str = ""
    """In front of a header's key: ``Bearer``, ``KakaoAK``."""
    form: Literal["auto", "decoded", "encoded"] = "auto"
    """Whether *key* is already percent-encoded; it reaches the server encoded exactly once."""
    required: bool = True
    """Without a key the upstream is not asked at all."""


class RequestSpec(Spec, frozen=True, kw_only=True):
    """How the upstream is asked.

    ``{q}``, ``{lang}`` and ``{name}`` of a declared parameter stand in *url*, *params* and
    *headers*, with a default (``{name:5}``) and filters (``{q|phrase}``). A parameter whose
    placeholders are empty is not sent; nor is a path segment in brackets (``[/{id}]``).
    """

    url: str
    params: dict[str, str] = msgspec.field(default_factory=dict)
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    auth: AuthSpec | tuple[AuthSpec, ...] = ()
    space: Literal["%20", "+"] = "%20"
    """How a space is written in the query."""
    safe: str = ""
    """Characters of values that are not percent-encoded (``;`` at the World Bank)."""
    timeout: Duration = seconds(10)
    """For one call, from connecting to the last byte."""
    max_bytes: Size = msgspec.field(default_factory=lambda: Size(8 << 20))
    """A longer body is malformed; reading stops there."""
    allow_private: bool = False
    """The host may be on a private or loopback address."""

    @property
    def auths(self) -> tuple[AuthSpec, ...]:
        """Return *auth* as a tuple, whichever way it was written."""
        return (self.auth,) if isinstance(self.auth, AuthSpec) else self.auth

    @property
    def has_keys(self) -> bool:
        """Tell whether every key that the upstream needs is there."""
        return all(auth.key or not auth.required for auth in self.auths)


class ErrorRule(Spec, frozen=True, kw_only=True):
    """When an answer is an error (or a legal "no match"); all conditions given must hold."""

    kind: Outcome
    status: tuple[int, ...] = ()
    body: str = ""
    """A regular expression that is found in the body's text."""
    path: str = ""
    """JMESPath over the document; alone, it must find something truthy."""
    equals: tuple[str, ...] = ()
    """What *path* finds (or one of a list) is one of these, as text."""
    matches: str = ""
    """A regular expression that is found in what *path* finds (or in one of a list)."""
    say: str = ""
    """What the caller reads; never the upstream's own text."""
    retry_after: Duration | None = None
    """How long to wait, where the upstream does not say."""


class SuccessSpec(Spec, frozen=True, kw_only=True):
    """What a good answer must say of itself; anything else is malformed."""

    path: str
    equals: tuple[str, ...] = ()
    """What *path* finds is one of these, as text; without them it must be truthy."""


class FieldSpec(Spec, frozen=True, kw_only=True):
    """One field of a record, when more than a JMESPath is needed."""

    path: str
    cast: Cast = "text"
    nulls: tuple[str, ...] = ()
    """Texts that mean "nothing" here, beside those of the response."""
    strip_tags: bool | None = None
    """Take out HTML and XML tags and decode entities; as the response says, unless given."""
    scale: float = 1.0
    """Numbers are multiplied by it (``1e-7`` for Naver's coordinates, ``1000`` for km)."""
    format: str = ""
    """``strptime`` format of a date that comes as text (``%Y%m%d``)."""
    join: str = "\n"
    """Between the texts of a list."""


class ResponseSpec(Spec, frozen=True, kw_only=True):
    """How an answer is read, judged and mapped; in this order."""

    format: Literal["json", "xml", "csv"] = "json"
    charset: str = ""
    """Of the body; empty: what the upstream says, else UTF-8. ``euc-kr`` is read as cp949."""
    errors: tuple[ErrorRule | str, ...] = ()
    """Tried in order on any status; a text names a family of rules that comes with the gateway."""
    envelope: tuple[str, ...] = ()
    """JMESPaths; the first that finds something is the document from there on."""
    success: SuccessSpec | None = None
    records: str = "@"
    """JMESPath to the rows; one object is a list of one."""
    unwrap: str = ""
    """The key that rows, or all of them, may be wrapped in (``{item: …}`` at data.go.kr)."""
    shape: Literal["list", "map", "columns"] = "list"
    """``map``: an object of rows, its keys become ``_key``; ``columns``: an object of lists."""
    empty: tuple[Literal["none", "text", "list", "object"], ...] = ("list",)
    """Which forms of *records* mean "no match": absent or null, ``""``, ``[]``, ``{}``."""
    total: str = ""
    """JMESPath to how many there are upstream."""
    id: str = "id"
    """JMESPath over a row; a row without an id is malformed."""
    fields: dict[str, str | FieldSpec] = msgspec.field(default_factory=dict)
    """Ours: theirs, as JMESPath over a row."""
    nulls: tuple[str, ...] = ("",)
    strip_tags: bool = True
    id_is: str = ""
    """The parameter whose value every record must have as its id (``q`` for the query)."""
    max_total: int | None = None
    """A larger total says that the upstream ignored what was asked."""


class DatasetSpec(Spec, frozen=True, kw_only=True):
    """A local file of public data that is searched by name."""

    path: str
    """Relative to the configuration."""
    format: Literal["jsonl", "csv"] = "jsonl"
    encoding: str = "utf-8"
    id: str
    search: tuple[str, ...] = ("name",)
    """Our fields that the query is looked for in, the most telling first."""
    fields: dict[str, str | FieldSpec] = msgspec.field(default_factory=dict)
    nulls: tuple[str, ...] = ("",)
    strip_tags: bool = True
    max_records: int = 20
    at: str = ""
    """The date of the data, ISO 8601; empty: now."""


class TermsSpec(Spec, frozen=True, kw_only=True):
    """Whom to credit, and what the upstream allows."""

    attribution: str = ""
    url: str = ""
    license: str = ""
    max_ttl: Duration | None = None
    """No entry of this source lives longer."""
    store: Literal["permanent", "memory_only", "never"] = "permanent"
    llm_summary_allowed: bool = True

    @property
    def credit(self) -> Attribution:
        """What every answer says."""
        return Attribution(self.attribution, self.url, self.license)
