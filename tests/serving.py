"""A gateway on a free port, and a client of it."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import brotli
from backports import zstd

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


async def decoded(response: aiohttp.ClientResponse) -> bytes:
    """Return the body without its coding, which the client of `served` leaves as it came."""
    return _DECODERS[response.headers.get("Content-Encoding", "identity")](await response.read())


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": zstd.decompress,
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "identity": bytes,
}
