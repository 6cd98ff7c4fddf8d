"""``GET /healthz`` and ``/readyz``: alive; ready, with each part's state."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from gateway.assembly import Gateway
from gateway.web.keys import GATEWAY

PING_TIMEOUT = 2.0
"""Seconds after which a tier that does not say whether it works is taken not to."""
OPTIONAL = frozenset({"redis"})
"""Tiers without which lookups are answered: were a lost Redis to make every replica unready,
nobody would answer any more."""
_HEADERS = {"Cache-Control": "no-store"}


async def alive(_request: Request) -> web.Response:
    """Say that the process answers; it asks nobody else."""
    return _json({"status": "ok"}, 200)


async def ready(request: Request) -> web.Response:
    """Say whether lookups can be answered: 503 when a tier does not work, and while memory is
    being filled.

    An open circuit does not make the gateway unready: what is cached goes on.
    """
    gateway = request.app[GATEWAY]
    tiers = await _tiers(gateway)
    answers = all(state == "ok" or name in OPTIONAL for name, state in tiers.items())
    well = answers and gateway.warmth.ready
    flights = gateway.flights
    parts = {
        "status": "ready" if well else "unready",
        "tiers": tiers,
        "memory": "filled" if gateway.warmth.ready else "filling",
        "circuits": {name: str(breaker.state) for name, breaker in gateway.breakers.items()},
        "flights": {
            "count": flights.count,
            "waiters": flights.waiters,
            "oldest_seconds": round(flights.oldest, 3),
        },
        "connections": _connections(gateway),
        "sources": len(gateway.routes),
    }
    return _json(parts, 200 if well else 503)


def _connections(gateway: Gateway) -> dict[str, int]:
    """Return how the pools are used, all as one: servers' names are not for everybody."""
    pools = gateway.observing.pools().values()
    return {
        "kept": sum(pool.size for pool in pools),
        "in_use": sum(pool.in_use for pool in pools),
        "idle": sum(pool.idle for pool in pools),
    }


async def _tiers(gateway: Gateway) -> dict[str, str]:
    try:
        async with asyncio.timeout(PING_TIMEOUT):
            return await gateway.tiers.ping()
    except TimeoutError:
        return {"tiers": f"no answer within {PING_TIMEOUT:g} s"}


def _json(value: dict[str, Any], status: int) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(value), content_type="application/json", headers=_HEADERS
    )
