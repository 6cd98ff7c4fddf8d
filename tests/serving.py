"""A gateway on a free port, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from gateway.assembly import Gateway
from gateway.web.app import make_app
from gateway.web.server import listening


@asynccontextmanager
async def served(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        listening(make_app(gateway), "127.0.0.1", 0) as (host, port),
        aiohttp.ClientSession(
            f"http://{host}:{port}", connector=aiohttp.TCPConnector(limit=0), auto_decompress=False
        ) as session,
    ):
        yield session
