"""Somebody's webhook: a server that notes what it is called with."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Receiver:
    """Answers with *statuses*, then 204."""

    url: str = ""
    statuses: deque[int] = field(default_factory=deque)
    calls: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        self.calls.append((request.headers.copy(), await request.read()))
        self.called.set()
        status = self.statuses.popleft() if self.statuses else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.handle)
    async with TestServer(app) as server:
        receiver.url = f"http://127.0.0.1:{server.port}/hook"
        yield receiver
