"""When a connection has its bytes looked at before they are parsed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.web.connection import Connection, connection
from gateway.web.entrance import entrance_of

_REQUEST = b"GET /parsed HTTP/1.1\r\nHost: a\r\n%b\r\n"
_HIT = b"GET /hit HTTP/1.1\r\nHost: a\r\n\r\n"


class Hits:
    """Answers one target."""

    def reply(self, data: bytes, peer: str) -> bytes | None:
        """Return the same for each hit."""
        del peer
        return b"HTTP/1.1 200 HIT\r\n\r\n" if data == _HIT else None


class Wire(asyncio.Transport):
    """Keeps what is written; once, it has *follow* called when an answer is out."""

    def __init__(self, follow: Callable[[], None]) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False
        self._follow = follow

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep *data*; the client asks again before the loop comes round."""
        self.written.append(bytes(data))
        if len(self.written) == 1:
            asyncio.get_running_loop().call_soon(self._follow)

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def close(self) -> None:
        """Close."""
        self.closed = True


@pytest.fixture
async def server() -> AsyncIterator[web.Server]:
    async def parsed(_: web.Request) -> web.Response:
        return web.Response(body=b"")

    app = web.Application()
    app.add_routes([web.get("/parsed", parsed), web.get("/hit", parsed)])
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    yield runner.server
    await runner.cleanup()


async def asked(server: web.Server, lines: bytes) -> list[bytes]:
    """Return the status lines of a request with *lines*, and of a hit asked for right after it."""
    protocol: Connection
    wire = Wire(lambda: protocol.data_received(_HIT))
    protocol = connection(server, Hits(), entrance_of(web.Application()))
    protocol.connection_made(wire)
    protocol.data_received(_REQUEST % lines)
    async with asyncio.timeout(30):
        while len(wire.written) < 2 and not wire.closed:
            await asyncio.sleep(0)
    protocol.connection_lost(None)
    return [each.partition(b"\r\n")[0] for each in wire.written]


async def test_a_hit_right_after_a_parsed_request_is_answered_from_its_bytes(
    server: web.Server,
) -> None:
    assert await asked(server, b"") == [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 HIT"]


async def test_a_connection_that_closes_answers_nothing_more(server: web.Server) -> None:
    assert await asked(server, b"Connection: close\r\n") == [b"HTTP/1.1 200 OK"]


@asynccontextmanager
async def idle(server: web.Server) -> AsyncIterator[tuple[Connection, Wire]]:
    """Yield a connection whose first request was parsed and answered."""
    wire = Wire(lambda: None)
    protocol = connection(server, Hits(), entrance_of(web.Application()))
    protocol.connection_made(wire)
    protocol.data_received(_REQUEST % b"")
    async with asyncio.timeout(30):
        while not wire.written or protocol._waiter is None:
            await asyncio.sleep(0)
    yield protocol, wire
    protocol.connection_lost(None)


async def test_a_client_that_does_not_read_is_sent_nothing_from_bytes(server: web.Server) -> None:
    async with idle(server) as (protocol, wire):
        protocol.pause_writing()
        protocol.data_received(_HIT)
        assert len(wire.written) == 1


async def test_a_server_that_stops_answers_no_further_hit(server: web.Server) -> None:
    async with idle(server) as (protocol, wire):
        protocol.close()
        protocol.data_received(_HIT)
        assert len(wire.written) == 1


async def test_a_connection_that_asks_for_hits_is_not_silent(server: web.Server) -> None:
    async with idle(server) as (protocol, wire):
        protocol.data_received(_HIT)
        protocol._next_keepalive_close_time = 0.0
        protocol._process_keepalive()
        assert not wire.closed
        protocol._next_keepalive_close_time = 0.0
        protocol._process_keepalive()
        assert wire.closed
