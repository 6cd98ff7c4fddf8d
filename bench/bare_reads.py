"""What hits in lower tiers are measured beside: bare aiohttp around one read of a bare driver.

``python -m bench.bare_reads redis|sqlite|postgresql URL``: ``/v1/search?q=name+7`` answers with
what stands under ``name 7``, as it is. The driver has one open connection and its own defaults.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiosqlite
import asyncpg
import uvloop
from aiohttp import web
from redis.asyncio import Redis

Read = Callable[[str], Awaitable[bytes]]

_TABLE = "CREATE TABLE bare (key TEXT PRIMARY KEY, value {})"


@asynccontextmanager
async def _redis(url: str) -> AsyncIterator[Read]:
    async with Redis.from_url(url) as client:

        async def read(key: str) -> bytes:
            value = await client.get(key)
            assert isinstance(value, bytes)
            return value

        yield read


@asynccontextmanager
async def _sqlite(path: str) -> AsyncIterator[Read]:
    async with aiosqlite.connect(path) as connection:

        async def read(key: str) -> bytes:
            found = await connection.execute_fetchall(
                "SELECT value FROM bare WHERE key = ?", (key,)
            )
            return bytes(next(iter(found))[0])

        yield read


@asynccontextmanager
async def _postgresql(url: str) -> AsyncIterator[Read]:
    connection = await asyncpg.connect(url)

    async def read(key: str) -> bytes:
        return bytes(await connection.fetchval("SELECT value FROM bare WHERE key = $1", key))

    try:
        yield read
    finally:
        await connection.close()


_KINDS = {"redis": _redis, "sqlite": _sqlite, "postgresql": _postgresql}


async def fill(kind: str, url: str, names: Sequence[str], value: bytes) -> None:
    """Put *value* under each of *names*, for `serve` to read."""
    rows = [(name, value) for name in names]
    if kind == "redis":
        async with Redis.from_url(url) as client:
            await client.mset(dict(rows))
    elif kind == "sqlite":
        async with aiosqlite.connect(url) as database:
            await database.execute("PRAGMA journal_mode=WAL")
            await database.execute(_TABLE.format("BLOB"))
            await database.executemany("INSERT INTO bare VALUES (?, ?)", rows)
            await database.commit()
    else:
        server: Any = await asyncpg.connect(url)
        await server.execute(_TABLE.format("BYTEA"))
        await server.executemany("INSERT INTO bare VALUES ($1, $2)", rows)
        await server.close()


async def serve(kind: str, url: str) -> None:
    """Serve until killed; the first line on standard output is the port."""
    async with _KINDS[kind](url) as read:

        async def search(request: web.Request) -> web.Response:
            body = await read(request.query["q"])
            return web.Response(body=body, content_type="application/json")

        app = web.Application()
        app.add_routes([web.get("/v1/search", search)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        sys.stdout.write(f"{site.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:3]))
