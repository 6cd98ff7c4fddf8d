"""A protocol on uvloop that only looks up bytes: what no server in Python can be quicker than."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

from bench.bare import answer
from bench.printed import until_killed

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Bare(asyncio.Protocol):
    """Answers what its request line names."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer."""
        assert self._transport is not None
        self._transport.write(self._answers[data[: data.find(b" HTTP/1.1")]])


async def serve(keys: int) -> None:
    """Serve until killed; the first line on standard output is the port."""
    answers = {}
    for number in range(keys):
        body = answer(f"name {number}")
        line = f"GET /v1/search?source=bench&q=name+{number}".encode()
        answers[line] = _HEAD % len(body) + body
    server = await asyncio.get_running_loop().create_server(lambda: Bare(answers), "127.0.0.1", 0)
    await until_killed(server.sockets[0].getsockname()[1])


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
