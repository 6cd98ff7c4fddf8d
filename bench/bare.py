"""What the gateway is measured beside: a bare aiohttp handler, which is also its upstream."""

from __future__ import annotations

import asyncio
import sys

import orjson
import uvloop
from aiohttp import web

from bench import printed

FILL = "This sentence says what the thing is for and how it is used by those who use it. " * 9


def answer(name: str) -> bytes:
    """Return records of about 2 KB in all, as a public-data API would give them."""
    records = [{"id": f"{name}-{n}", "name": f"{name} {n}", "use": FILL} for n in range(2)]
    return orjson.dumps({"total": 2, "items": records})


async def serve(delay: float = 0.0) -> None:
    """Serve until killed; the first line on standard output is the port.

    An item takes *delay* seconds.
    """
    prebuilt = answer("prebuilt")

    async def bare(_request: web.Request) -> web.Response:
        return web.Response(body=prebuilt, content_type="application/json")

    async def items(request: web.Request) -> web.Response:
        if delay:
            await asyncio.sleep(delay)
        return web.Response(body=answer(request.query["q"]), content_type="application/json")

    app = web.Application()
    app.add_routes([web.get("/bare", bare), web.get("/items", items), web.get("/v1/search", bare)])
    await printed.serve(app)


if __name__ == "__main__":
    uvloop.run(serve(*map(float, sys.argv[1:2])))
