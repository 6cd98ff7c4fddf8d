"""What is told of each answered request: its route, its status, and where its answer came from."""

from __future__ import annotations

import asyncio
from random import random
from time import perf_counter

import structlog
from aiohttp import web
from aiohttp.web_request import Request

from gateway.events import Responded
from gateway.profiling.statements import TALLY, Tally
from gateway.web.keys import GATEWAY, QUIET, STARTED
from gateway.web.middlewares import Handler

UNKNOWN = "unknown"
"""The route of what has none."""
UPSTREAM = "upstream"
"""Where an answer came from that was fetched for this request, or for another at that time."""
GONE = 499
"""The status of those who left before they were answered."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@web.middleware
async def measure(request: Request, handler: Handler) -> web.StreamResponse:
    """Tell how *request* was answered, and whose source it asks for in every log line about it."""
    gateway, tally = request.app[GATEWAY], Tally()
    TALLY.set(tally)
    source = request.query.get("source", "")
    if source in gateway.routes:
        structlog.contextvars.bind_contextvars(source=source)
    status, tier = GONE, ""
    try:
        response = await handler(request)
        status, tier = response.status, tier_of(response.headers.get("Cache-Status", ""))
        hit = status < 400 and tier not in ("", UPSTREAM)
        if hit and random() >= gateway.config.logs.sample_hits:  # noqa: S311 - no secret
            request[QUIET] = True
    except asyncio.CancelledError:
        structlog.contextvars.bind_contextvars(status=GONE)
        raise
    finally:
        seconds = perf_counter() - request[STARTED]
        told = Responded(route_of(request), method_of(request), status, tier, seconds, tally.count)
        gateway.events.emit(told)
    return response


def route_of(request: Request) -> str:
    """Return the path of *request* as it is declared, `UNKNOWN` where it is not."""
    resource = request.match_info.route.resource
    return UNKNOWN if resource is None else resource.canonical


def method_of(request: Request) -> str:
    """Return the method of *request* if it is a known one."""
    return request.method if request.method in _METHODS else "other"


def tier_of(cache_status: str) -> str:
    """Return where an answer with this ``Cache-Status`` of ours came from; empty: it is none."""
    if not cache_status:
        return ""
    return UPSTREAM if "; fwd=" in cache_status else cache_status.rpartition("detail=")[2]
