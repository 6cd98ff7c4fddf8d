"""One route as it is described: what it takes, what it gives, and how it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

JSON = "application/json"
EVENTS = "text/event-stream"
HTML = "text/html"

Place = Literal["query", "path", "header"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of one route."""

    name: str
    description: str
    kind: Any = str
    """Its type; what bounds it stands in its `msgspec.Meta`."""
    required: bool = False
    place: Place = "query"
    example: Any = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is no problem."""

    description: str
    kind: Any = None
    """The type of its body; None: it has none, or one that is no JSON."""
    media: str = JSON
    """The type of its body's bytes; empty: it has none."""
    headers: tuple[str, ...] = ()
    """Names from `gateway.web.openapi.headers`, beside those that every answer has."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method does at one path.

    Who may ask, and the answers that this brings with it, are not told here: they are
    `gateway.web.admission`'s.
    """

    tag: str
    summary: str
    replies: Mapping[int, Reply]
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    """The type of the JSON that it takes; None: it takes none."""
    body_required: bool = True
    sources: bool = False
    """Whether it takes what sources declare beside its *parameters*."""
    fails: frozenset[int] = field(default_factory=frozenset)
    """Statuses of problems, beside those that follow from its path and its body."""
    links: Mapping[str, str] = field(default_factory=dict)


Described = Mapping[tuple[str, str], Operation]
"""Operations by their method and path, as aiohttp writes it."""
