"""What ``/v1/stats`` tells of the slow: statements, routes and keys."""

from __future__ import annotations

from typing import Any

from gateway.access.identity import Identity, Scope
from gateway.instants import instant
from gateway.lookup import tenant_of
from gateway.observing import Observing
from gateway.profiling.slowest import RouteTimes, SlowKey
from gateway.profiling.statements import SlowStatement


def slow(observing: Observing, identity: Identity) -> dict[str, Any]:
    """Return what *identity* may know: who is no admin, of its own tenant's keys and no statement.

    Plans stand there once `Observing.slow_statements` has asked for them.
    """
    admin = identity.may(Scope.ADMIN)
    lookups = observing.slowest.lookups()
    keys = [each for each in lookups if admin or _owner(each) == identity.tenant]
    statements = observing.statements.slow() if admin else []
    return {
        "routes": {name: _route(times) for name, times in observing.slowest.routes.items()},
        "keys": [_key(each) for each in keys],
        "statements": [_statement(each) for each in statements],
    }


def _owner(slow_key: SlowKey) -> str:
    return slow_key.tenant or tenant_of(slow_key.key)


def _route(times: RouteTimes) -> dict[str, Any]:
    count = times.latencies.count
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {
        "count": count,
        "latency_ms": {name: _ms(times.latencies.percentile(s)) for name, s in shares.items()},
        "slowest_ms": _ms(times.slowest),
        "queries": round(times.queries / count, 3) if count else 0.0,
        "most_queries": times.most_queries,
    }


def _key(slow_key: SlowKey) -> dict[str, Any]:
    return {
        "key": slow_key.key,
        "source": slow_key.source,
        "outcome": slow_key.outcome,
        "ms": _ms(slow_key.seconds),
        "at": instant(slow_key.at),
    }


def _statement(statement: SlowStatement) -> dict[str, Any]:
    return {
        "text": statement.text,
        "count": statement.count,
        "mean_ms": _ms(statement.total / statement.count),
        "slowest_ms": _ms(statement.slowest),
        "last": instant(statement.last),
        "plan": statement.plan,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 4)
