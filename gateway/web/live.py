"""``GET /v1/stats/stream``: the statistics once a second, as server-sent events."""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from gateway.access.identity import Identity
from gateway.web.admission import credential
from gateway.web.events import ENDING
from gateway.web.keys import GATEWAY, IDENTITY
from gateway.web.sse import EventStream
from gateway.web.stats import snapshot

EVERY = 1.0
"""Seconds between two snapshots."""


async def live(request: Request) -> web.StreamResponse:
    """Tell what ``/v1/stats`` tells, every second, while whoever asks may still ask."""
    gateway, ending, shown = request.app[GATEWAY], request.app[ENDING], credential(request)
    identity: Identity | None = request[IDENTITY]
    async with EventStream(request, gateway.config.server.stream.stall) as stream:
        # Asked each time: what has expired or was revoked meanwhile is told no more.
        while identity is not None and not ending.is_set():
            await stream.send("stats", orjson.dumps(snapshot(gateway, identity)))
            await _passed(ending)
            known = gateway.access.authenticator.known(shown)
            identity = None if known is None else known.identity
    return stream.response


async def _passed(ending: asyncio.Event) -> None:
    """Wait for the next snapshot's time, or for the end."""
    try:
        async with asyncio.timeout(EVERY):
            await ending.wait()
    except TimeoutError:
        return
