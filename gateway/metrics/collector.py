"""What is asked at a scrape: what was counted, and how things stand now."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from adapters.guard import Guarded
from gateway import VERSION
from gateway.assembly import Gateway
from gateway.metrics.families import MICRO, counter, families, gauge, histogram
from gateway.observing import Observing

CIRCUITS = ("closed", "half-open", "open")


class GatewayCollector(Collector):
    """Tells of *gateway*."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        gateway = self._gateway
        yield from families(gateway.observing.counts)
        yield from _flights(gateway)
        yield from _limits(gateway)
        yield from _permits(gateway)
        yield from _budgets(gateway)
        yield from _tiers(gateway)
        yield from _pools(gateway.observing)
        yield from _times(gateway.observing)
        yield from _agreement(gateway)
        yield from _process(gateway.observing)


def _flights(gateway: Gateway) -> Iterator[Metric]:
    flights, shedding = gateway.flights, gateway.resolver.shedding
    yield _one("lookup_flights", "Fetches in progress, one a key.", flights.count)
    yield _one("lookup_flight_waiters", "Callers who wait for them.", flights.waiters)
    yield _one(
        "lookup_oldest_flight_age_seconds", "Age of the oldest; 0: there is none.", flights.oldest
    )
    yield _one(
        "lookup_shedding_limit", "Fetches for callers that may be in progress.", shedding.limit
    )
    yield _one("lookup_shedding_in_progress", "Those that are.", shedding.in_progress)
    yield counter(
        "lookup_shed_requests",
        "Fetches refused because the process has too much to do.",
        (),
        {(): shedding.refused},
    )


def _limits(gateway: Gateway) -> Iterator[Metric]:
    breakers = gateway.breakers.items()
    yield gauge(
        "lookup_circuit_state",
        "1 for the state in which a circuit is.",
        ("upstream", "state"),
        (
            ((name, state), float(breaker.state == state))
            for name, breaker in breakers
            for state in CIRCUITS
        ),
    )
    usage = {
        (name, window): used
        for name, meter in gateway.meters.items()
        for window, used in meter.usage().items()
    }
    labels = ("source", "window")
    yield gauge(
        "lookup_quota_limit_calls",
        "Calls that a quota allows in its window.",
        labels,
        ((label, limit) for label, (_, limit) in usage.items()),
    )
    yield gauge(
        "lookup_quota_remaining_calls",
        "Calls that are left of it.",
        labels,
        ((label, max(0, limit - used)) for label, (used, limit) in usage.items()),
    )


def _permits(gateway: Gateway) -> Iterator[Metric]:
    permits = {name: guard.permits for name, guard in _guards(gateway)}
    yield gauge(
        "lookup_upstream_queued_calls",
        "Calls that wait for a permit of their source.",
        ("source",),
        (((name,), each.waiting) for name, each in permits.items()),
    )
    yield gauge(
        "lookup_upstream_free_permits",
        "Permits that nobody holds.",
        ("source",),
        (((name,), each.free) for name, each in permits.items()),
    )


def _guards(gateway: Gateway) -> Iterator[tuple[str, Guarded]]:
    for name, route in gateway.routes.items():
        if isinstance(route.source, Guarded):
            yield from route.source.named(name)


def _budgets(gateway: Gateway) -> Iterator[Metric]:
    budgets = gateway.money.budgets
    yield gauge(
        "lookup_budget_limit_micro_usd",
        "What may be spent today, in millionths of a dollar.",
        ("scope",),
        (((scope,), limit / MICRO) for scope, limit in budgets.limits.items()),
    )
    yield gauge(
        "lookup_budget_used_micro_usd",
        "What is spent today by all replicas, or held for calls in the air.",
        ("scope",),
        (((scope,), budgets.used(scope) / MICRO) for scope in budgets.limits),
    )


def _tiers(gateway: Gateway) -> Iterator[Metric]:
    memory = gateway.tiers.memory
    for name, what, value in (
        ("bytes", "Memory that entries take.", memory.bytes),
        ("entries", "Entries in memory.", memory.entries),
        ("max_bytes", "What they may take.", memory.max_bytes),
    ):
        yield gauge(f"lookup_tier_{name}", what, ("tier",), [(("memory",), value)])
    lost = gateway.observing.counts.lost
    yield gauge(
        "lookup_tier_up",
        "Whether a tier is asked; 0: it is gone around.",
        ("tier",),
        (((name,), float(name not in lost)) for name in gateway.tiers.names),
    )


def _pools(observing: Observing) -> Iterator[Metric]:
    pools = observing.pools()
    yield gauge(
        "lookup_pool_connections",
        "Connections to databases and Redis.",
        ("server", "state"),
        (
            ((name, state), count)
            for name, pool in pools.items()
            for state, count in (("in_use", pool.in_use), ("idle", pool.idle))
        ),
    )
    yield gauge(
        "lookup_pool_size_connections",
        "Connections that a pool keeps.",
        ("server",),
        (((name,), pool.size) for name, pool in pools.items()),
    )
    yield gauge(
        "lookup_database_queued_jobs",
        "Jobs that wait for a thread of SQLite.",
        ("thread",),
        (((name,), count) for name, count in observing.queued().items()),
    )


def _times(observing: Observing) -> Iterator[Metric]:
    told = observing.statements
    yield histogram(
        "lookup_database_query_duration_seconds",
        "How long statements took, by their first word.",
        ("operation",),
        told.statements,
    )
    yield histogram(
        "lookup_pool_wait_seconds", "How long connections were waited for.", (), told.waits
    )
    yield histogram(
        "lookup_redis_trip_duration_seconds", "How long trips to Redis took.", (), told.trips
    )


def _agreement(gateway: Gateway) -> Iterator[Metric]:
    invalidations = gateway.invalidations
    yield _one(
        "lookup_invalidation_position",
        "The last line of the log of invalidations that is applied here.",
        gateway.tiers.withdrawals.position,
    )
    yield _one(
        "lookup_invalidation_lag_seconds",
        "Time since the log could last be read.",
        invalidations.silence,
    )
    yield gauge(
        "lookup_database_replica_up",
        "Whether a replica keeps up and is read from.",
        ("server",),
        (((name,), float(up)) for name, up in gateway.observing.replicas().items()),
    )


def _process(observing: Observing) -> Iterator[Metric]:
    yield gauge("lookup_build_info", "The version.", ("version",), [((VERSION,), 1.0)])
    yield _one(
        "lookup_loop_lag_seconds", "By how much the event loop was late last.", observing.lag.last
    )
    yield histogram(
        "lookup_loop_lag_distribution_seconds",
        "By how much the event loop is late.",
        (),
        observing.lag.seen,
    )


def _one(name: str, help_: str, value: float) -> Metric:
    return gauge(name, help_, (), [((), value)])
