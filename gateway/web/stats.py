"""``GET /v1/stats``: how the gateway has done, and what it has cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from gateway import VERSION
from gateway.access.identity import Identity, Scope
from gateway.assembly import Gateway
from gateway.spend.prices import NANOS
from gateway.statistics import Latencies, RaceCounts, Statistics, TierCounts
from gateway.web.keys import GATEWAY, IDENTITY
from gateway.web.popular import popular, wanted
from gateway.web.profiling import slow
from storage.spend import Account, Amounts

_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


async def stats(request: Request) -> web.Response:
    """Return counts and percentiles of this process since its start, and today's money.

    The money is that of all replicas, as is what is asked most (``popular=20``: so many); who is
    no admin sees that of their own tenant. Raise `ProblemError`.
    """
    gateway, identity = request.app[GATEWAY], request[IDENTITY]
    limit = wanted(request.query)
    if identity.may(Scope.ADMIN):
        await gateway.observing.slow_statements()  # has their plans told
    told = snapshot(gateway, identity)
    told["popular"] = await popular(gateway, identity, limit)
    return web.Response(
        body=orjson.dumps(told),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def snapshot(gateway: Gateway, identity: Identity) -> dict[str, Any]:
    """Return what `stats` tells *identity* now."""
    rows = gateway.money.ledger.accounts()
    if not identity.may(Scope.ADMIN):
        rows = {
            account: sums for account, sums in rows.items() if account.tenant == identity.tenant
        }
    return {**_stats(gateway, rows), "slow": slow(gateway.observing, identity)}


def _stats(gateway: Gateway, rows: Mapping[Account, Amounts]) -> dict[str, Any]:
    counted = gateway.statistics
    return {
        "version": VERSION,
        "uptime_seconds": round(counted.uptime, 3),
        "lookups": _lookups(counted),
        "tiers": {name: _tier(counts) for name, counts in counted.tiers.items()},
        "flights": {
            "count": gateway.flights.count,
            "waiters": gateway.flights.waiters,
            "oldest_seconds": round(gateway.flights.oldest, 3),
        },
        "breakers": {name: str(breaker.state) for name, breaker in gateway.breakers.items()},
        "quotas": {name: _quota(meter.usage()) for name, meter in gateway.meters.items()},
        "races": {name: _race(counts) for name, counts in counted.races.items()},
        "spend": {"today": {"day": gateway.money.ledger.today(), **_today(rows)}},
        "popular": [],
    }


def _lookups(counted: Statistics) -> dict[str, Any]:
    return {
        "answered": dict(counted.outcomes),
        "failed": dict(counted.failures),
        "latency_ms": _latencies(counted.answers),
    }


def _tier(counts: TierCounts) -> dict[str, Any]:
    ratio = counts.hit_ratio
    return {
        "hits": counts.hits,
        "misses": counts.misses,
        "hit_ratio": None if ratio is None else round(ratio, 4),
        "failures": counts.failures,
        "latency_ms": _latencies(counts.latencies),
    }


def _race(counts: RaceCounts) -> dict[str, Any]:
    return {
        "races": counts.races,
        "wins": counts.wins,
        "latency_ms": _latencies(counts.latencies),
    }


def _latencies(latencies: Latencies) -> dict[str, float | None]:
    seconds = {name: latencies.percentile(share) for name, share in _PERCENTILES.items()}
    return {
        name: None if value is None else round(value * 1000, 4) for name, value in seconds.items()
    }


def _quota(usage: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, int]]:
    return {window: {"used": used, "limit": limit} for window, (used, limit) in usage.items()}


def _today(rows: Mapping[Account, Amounts]) -> dict[str, Any]:
    return {
        **_money(_sums(rows, lambda _: "")[""]),
        "by_source": _by(rows, lambda account: account.source),
        "by_tenant": _by(rows, lambda account: account.tenant),
        "by_model": _by({a: sums for a, sums in rows.items() if a.model}, lambda a: a.model),
    }


def _by(rows: Mapping[Account, Amounts], name: Callable[[Account], str]) -> dict[str, Any]:
    return {key: _money(amounts) for key, amounts in sorted(_sums(rows, name).items())}


def _sums(
    rows: Mapping[Account, Amounts], name: Callable[[Account], str]
) -> defaultdict[str, Amounts]:
    sums: defaultdict[str, Amounts] = defaultdict(Amounts)
    for account, amounts in rows.items():
        sums[name(account)].add(amounts)
    return sums


def _money(amounts: Amounts) -> dict[str, Any]:
    return {
        "calls": amounts.calls,
        "unknown_calls": amounts.unknown,
        "spared_calls": amounts.spared,
        "prompt_tokens": amounts.prompt_tokens,
        "cached_tokens": amounts.cached_tokens,
        "completion_tokens": amounts.completion_tokens,
        "spent_usd": amounts.spent / NANOS,
        "saved_usd": amounts.saved / NANOS,
        "wasted_usd": amounts.wasted / NANOS,
    }
