"""Bodies of answers: the types behind the JSON that operators are answered with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct


class Percentiles(Struct):
    """Latencies in milliseconds; null before the first."""

    p50: float | None
    p95: float | None
    p99: float | None


class LookupFigures(Struct):
    """How lookups were answered since the process began."""

    answered: Annotated[
        dict[str, int], Meta(description="By hit, stale, miss, collapsed and similar")
    ]
    failed: Annotated[dict[str, int], Meta(description="By the kind of the error")]
    latency_ms: Percentiles


class TierFigures(Struct):
    """How often a tier had what was looked for."""

    hits: int
    misses: int
    hit_ratio: float | None
    failures: int
    latency_ms: Percentiles


class RaceFigures(Struct):
    """How a tier did that was asked beside another."""

    races: int
    wins: int
    latency_ms: Annotated[Percentiles, Meta(description="Of what it took, or was waited for")]


class FlightFigures(Struct):
    """Fetches in progress."""

    count: int
    waiters: int
    oldest_seconds: float


class ConnectionFigures(Struct):
    """Connections of all pools to databases and Redis."""

    kept: int
    in_use: int
    idle: int


class QuotaFigures(Struct):
    """What of a quota is used."""

    used: int
    limit: int


class SlowRoute(Struct):
    """How a route does; *queries* are what the database is asked for one request, on average."""

    count: int
    latency_ms: Percentiles
    slowest_ms: float
    queries: float
    most_queries: int


class SlowKey(Struct):
    """A lookup that took long."""

    key: str
    source: str
    outcome: str
    ms: float
    at: str


class SlowStatement(Struct):
    """A statement that took too long, without its values."""

    text: str
    count: int
    mean_ms: float
    slowest_ms: float
    last: str
    plan: str | None


class Slow(Struct):
    """What is slow; the statements are told to admins."""

    routes: dict[str, SlowRoute]
    keys: list[SlowKey]
    statements: list[SlowStatement]


class Popular(Struct):
    """A lookup that is asked often."""

    source: str
    query: str
    keyword: str | None
    lang: str
    params: dict[str, str]
    context: dict[str, str]
    key: str
    lookups: Annotated[float, Meta(description="Of late: older ones count less")]
    per_day: float


class Stats(Struct):
    """How the gateway has done, and what it has cost; more members may come."""

    version: str
    uptime_seconds: float
    lookups: LookupFigures
    tiers: dict[str, TierFigures]
    flights: FlightFigures
    breakers: dict[str, str]
    quotas: dict[str, dict[str, QuotaFigures]]
    races: Annotated[dict[str, RaceFigures], Meta(description="By tier")]
    spend: dict[str, Any]
    popular: Annotated[list[Popular], Meta(description="As many as `popular` asks for")]
    slow: Slow


class Alive(Struct):
    """The process answers."""

    status: Literal["ok"]


class LogFigures(Struct):
    """What is known of what was withdrawn: without that, only the database and sources answer."""

    known: bool
    silence_seconds: float


class Ready(Struct):
    """Whether lookups can be answered, with each part's state."""

    status: Literal["ready", "degraded", "unready"]
    tiers: dict[str, str]
    memory: Literal["filled", "filling"]
    log: LogFigures
    circuits: dict[str, str]
    flights: FlightFigures
    connections: ConnectionFigures
    sources: int


class Removed(Struct):
    """How many entries were deleted."""

    database: int
    redis: int | None


class Withdrawn(Struct):
    """A withdrawal that no replica will forget."""

    position: int
    removed: Removed


class Deed(Struct):
    """Who did what."""

    at: str
    tenant: str
    who: str
    action: str
    target: str


class Audit(Struct):
    """What was done, the newest first."""

    audit: list[Deed]


class Token(Struct):
    """A short-lived token."""

    token: str
    token_type: Literal["Bearer"]
    expires_in: int
    tenant: str
    scopes: list[str]
    refresh_token: str | msgspec.UnsetType = msgspec.UNSET
