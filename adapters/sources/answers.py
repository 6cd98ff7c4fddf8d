"""How an upstream's answer is read, judged and mapped, as it stands in ``config.yaml``."""

from __future__ import annotations

from typing import Literal

import msgspec

from adapters.sources.units import Count, Duration, Positive, Spec

Outcome = Literal[
    "empty",
    "invalid_input",
    "auth_config",
    "misconfigured",
    "not_approved",
    "quota_day",
    "quota_short",
    "transient",
    "upstream_down",
    "malformed",
]
"""What an error rule makes of an answer: a kind of `adapters.errors.Kind`, or no match."""

Cast = Literal["text", "int", "float", "bool", "date", "time", "list", "xml", "any"]
"""What a field becomes: ``date`` is ISO 8601, ``time`` is HH:MM, ``xml`` is the text of an XML
document that came as a string, titles included, and ``any`` is left as it came."""


class ErrorRule(Spec, frozen=True, kw_only=True):
    """When an answer is an error (or a legal "no match"); all conditions given must hold."""

    kind: Outcome
    """What the answer is then."""
    status: tuple[int, ...] = ()
    """One of these HTTP statuses."""
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
    """JMESPath over the document."""
    equals: tuple[str, ...] = ()
    """What *path* finds is one of these, as text; without them it must be truthy."""


class FieldSpec(Spec, frozen=True, kw_only=True):
    """One field of a record, when more than a JMESPath is needed."""

    path: str
    """JMESPath over a row."""
    cast: Cast = "text"
    """What the value becomes."""
    nulls: tuple[str, ...] = ()
    """Texts that mean "nothing" here, beside those of the response."""
    strip_tags: bool | None = None
    """Take out HTML and XML tags and decode entities; as the response says, unless given."""
    min: float | None = None
    """A smaller number is null: a latitude that is none, a sentinel of -1."""
    max: float | None = None
    """A greater number is null."""
    scale: float = 1.0
    """Numbers are multiplied by it (``1e-7`` for Naver's coordinates, ``1000`` for km)."""
    format: str = ""
    """``strptime`` format of a date that comes as text (``%Y%m%d``)."""
    join: str = "\n"
    """Between the texts of a list."""


class ResponseSpec(Spec, frozen=True, kw_only=True):
    """How an answer is read, judged and mapped; in this order."""

    format: Literal["json", "xml", "csv"] = "json"
    """What the body is."""
    charset: str = ""
    """Of the body; empty: what the upstream says, else UTF-8. ``euc-kr`` is read as cp949."""
    errors: tuple[ErrorRule | str, ...] = ()
    """Tried in order on any status; a text names a family of rules that comes with the gateway."""
    envelope: tuple[str, ...] = ()
    """JMESPaths; the first that finds something is the document from there on."""
    success: SuccessSpec | None = None
    """What a good answer must say of itself."""
    records: str = "@"
    """JMESPath to the rows; one object is a list of one."""
    unwrap: str = ""
    """The key that rows, or all of them, may be wrapped in (``{item: …}`` at data.go.kr)."""
    shape: Literal["list", "map", "columns"] = "list"
    """``map``: an object of rows, its keys become ``_key``; ``columns``: an object of lists."""
    empty: tuple[Literal["none", "text", "list", "object"], ...] = ("list",)
    """Which forms of *records* mean "no match": absent or null, ``""``, ``[]``, ``{}``."""
    skip: str = ""
    """JMESPath over a row; rows for which it finds something truthy are left out."""
    max_records: Positive = 1000
    """More rows are cut off; the total stays."""
    total: str = ""
    """JMESPath to how many there are upstream."""
    id: str = "id"
    """JMESPath over a row; a row without an id is malformed."""
    fields: dict[str, str | FieldSpec] = msgspec.field(default_factory=dict)
    """Ours: theirs, as JMESPath over a row."""
    nulls: tuple[str, ...] = ("",)
    """Texts that mean "nothing" in every field."""
    strip_tags: bool = True
    """Take out HTML and XML tags and decode entities."""
    keep: dict[str, str] = msgspec.field(default_factory=dict)
    """Our field: the parameter (``q`` for the query) that it must equal; other records are left
    out, for upstreams that ignore what they are asked. The total is then what is kept."""
    id_is: str = ""
    """The parameter whose value every record must have as its id (``q`` for the query)."""
    disclaimer: str = ""
    """JMESPath over the whole answer to words that stand behind ``terms.attribution`` then."""
    max_total: Count | None = None
    """A larger total says that the upstream ignored what was asked."""
