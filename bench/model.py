"""A model as an OpenAI-compatible server streams it: the first piece after a while, then the rest.

With ``/items`` it is the upstream of the same benchmark too.
"""

from __future__ import annotations

import asyncio

import orjson
import uvloop
from aiohttp import web

from bench import printed
from bench.bare import answer

THINKS = 0.02
"""Seconds before the first piece: a fast model's would be ten times that."""
PIECES = ("This sentence says ", "what the thing is for ", "and how it is used.")


async def serve() -> None:
    """Serve until killed; the first line on standard output is the port."""
    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", complete), web.get("/items", items)])
    await printed.serve(app)


async def complete(request: web.Request) -> web.StreamResponse:
    """Stream the pieces, whatever is asked."""
    await request.read()
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await asyncio.sleep(THINKS)
    for piece in PIECES:
        await response.write(_event({"content": piece}, None))
    await response.write(_event({}, "stop") + b"data: [DONE]\n\n")
    return response


async def items(request: web.Request) -> web.Response:
    """Give the records of any query."""
    return web.Response(body=answer(request.query["q"]), content_type="application/json")


def _event(delta: dict[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + orjson.dumps({**chunk, "choices": [choice]}) + b"\n\n"


if __name__ == "__main__":
    uvloop.run(serve())
