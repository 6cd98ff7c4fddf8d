"""A scriptable upstream over real aiohttp: it counts calls, and delays, fails, hangs or lies.

async with StubUpstream() as upstream:
    upstream.script(Reply(status=500), Hang())   # the next two calls
    upstream.default = Reply(records=[{"id": "1", "name": "A"}])  # all after them
    ... upstream.url ... upstream.calls ...
    await upstream.stop(); await upstream.start()  # dead, and back at the same address
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: *records* as the document that `source` reads, or any *body* in their place."""

    records: Sequence[Mapping[str, Any]] = ({"id": "1", "name": "one"},)
    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before the first byte."""
    cut: bool = False
    """Promise the whole body, send half of it, and close the connection."""
    echo: bool = False
    """Name the one record after the ``q`` that was asked."""


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer, ever; the call ends when its client goes."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is closed without a byte."""


Behavior = Reply | Hang | Drop


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


class StubUpstream:
    """An HTTP server on a free port of loopback."""

    def __init__(self, default: Behavior | None = None) -> None:
        self.default: Behavior = default or Reply(echo=True)
        self.calls: list[Call] = []
        self.open = 0
        """Calls that have no answer yet."""
        self.gate = asyncio.Event()
        """While it is cleared no call is answered; it is set from the start."""
        self.gate.set()
        self._script: deque[Behavior] = deque()
        self._arrived = asyncio.Condition()
        self._port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def count(self) -> int:
        """How many calls came."""
        return len(self.calls)

    def script(self, *behaviors: Behavior) -> None:
        """Do these once each, in order, before `default` holds again."""
        self._script.extend(behaviors)

    async def arrived(self, count: int) -> None:
        """Return when at least *count* calls have come."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.calls) >= count)

    async def start(self) -> None:
        """Listen: on a free port at first, on the same one afterwards."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = site.port

    async def stop(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        async with self._arrived:
            self.calls.append(Call(request.path, dict(request.query), dict(request.headers)))
            self._arrived.notify_all()
        behavior = self._script.popleft() if self._script else self.default
        self.open += 1
        try:
            await self.gate.wait()
            return await self._behave(request, behavior)
        finally:
            self.open -= 1

    async def _behave(self, request: web.Request, behavior: Behavior) -> web.StreamResponse:
        if isinstance(behavior, Hang):
            await asyncio.Event().wait()
        if not isinstance(behavior, Reply):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if behavior.delay:
            await asyncio.sleep(behavior.delay)
        body = _body(behavior, request.query.get("q", ""))
        if behavior.cut:
            return await _cut(request, body)
        headers = {"Content-Type": "application/json", **behavior.headers}
        return web.Response(status=behavior.status, body=body, headers=headers)


def _body(reply: Reply, query: str) -> bytes:
    if reply.body is not None:
        return reply.body
    records = [{**each, "name": query} for each in reply.records] if reply.echo else reply.records
    return orjson.dumps({"total": len(records), "items": list(records)})


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    assert request.transport is not None
    request.transport.close()
    return response


def source(url: str, **more: Any) -> dict[str, Any]:
    """Return the configuration of a source that asks a `StubUpstream` at *url*."""
    return {
        "adapter": "declarative",
        "description": "what the stub says",
        "request": {"url": f"{url}/items", "params": {"q": "{q}"}, "allow_private": True},
        "response": {
            "format": "json",
            "records": "items",
            "total": "total",
            "id": "id",
            "fields": {"name": "name", "use": "use", "maker": "maker"},
        },
        **more,
    }
