"""``GET /healthz`` and ``/readyz``: alive; ready, with each part's state."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from gateway.assembly import Gateway
from gateway.web.keys import GATEWAY

PING_TIMEOUT = 0.5
"""Seconds after which a tier that does not say whether it works is taken not to: those who ask
give up after one (the default of a Kubernetes probe)."""
OPTIONAL = frozenset({"redis"})
"""Tiers without which a gateway does all that it does, only slower."""
_HEADERS = {"Cache-Control": "no-store"}


async def alive(_request: Request) -> web.Response:
    """Say that the process answers; it asks nobody else."""
    return _json({"status": "ok"}, 200)


async def ready(request: Request) -> web.Response:
    """Say whether lookups can be answered: 503 while memory is being filled, and else 200.

    No tier makes a gateway unready, nor an open circuit. Replicas share their database: were they
    unready without it, a load balancer would take out all of them at once, and what is answered
    more slowly would be answered by nobody. Without it a gateway is ``degraded``.
    """
    gateway = request.app[GATEWAY]
    tiers = await gateway.tiers.ping(PING_TIMEOUT)
    whole = all(state == "ok" or name in OPTIONAL for name, state in tiers.items())
    filled, flights = gateway.warmth.ready, gateway.flights
    parts = {
        "status": "unready" if not filled else "ready" if whole else "degraded",
        "tiers": tiers,
        "memory": "filled" if filled else "filling",
        "log": {
            "known": gateway.tiers.sure,
            "silence_seconds": round(gateway.invalidations.silence, 3),
        },
        "circuits": {name: str(breaker.state) for name, breaker in gateway.breakers.items()},
        "flights": {
            "count": flights.count,
            "waiters": flights.waiters,
            "oldest_seconds": round(flights.oldest, 3),
        },
        "connections": _connections(gateway),
        "sources": len(gateway.routes),
    }
    return _json(parts, 200 if filled else 503)


def _connections(gateway: Gateway) -> dict[str, int]:
    """Return how the pools are used, all as one: servers' names are not for everybody."""
    pools = gateway.observing.pools().values()
    return {
        "kept": sum(pool.size for pool in pools),
        "in_use": sum(pool.in_use for pool in pools),
        "idle": sum(pool.idle for pool in pools),
    }


def _json(value: dict[str, Any], status: int) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(value), content_type="application/json", headers=_HEADERS
    )
