"""Instructions of user space for one hit, counted by Valgrind: they do not move with the load.

``python -m bench instructions`` runs this module beneath callgrind, which counts while requests go
through the protocol of a connection to a transport that throws its bytes away: the system calls of
a socket are no part of it; what hits are counted in is.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import structlog
from aiohttp import web

from bench import callgrind, hits
from bench.requests import Requests
from bench.tokens import make_keys
from gateway.assembly import Gateway, open_gateway
from gateway.config import load_config
from gateway.web.app import make_app
from gateway.web.connection import connection
from gateway.web.entrance import entrance_of
from gateway.web.hit_path import HITS
from gateway.web.looks import looks_of

TIMES = 4_000
FLUSH = 2_000
"""So many hits are told of at once, as in a second at a paced rate."""
KEYS, TOKENS = 200, 20


class Sink(asyncio.Transport):
    """Counts what is written and throws it away."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.replies = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Count a reply."""
        self.replies += bytes(data[:12]) == b"HTTP/1.1 200"

    def is_closing(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Do nothing."""


class Served(NamedTuple):
    """A gateway in this process, and a connection to it that has no socket."""

    gateway: Gateway
    app: web.Application
    tokens: list[str]
    protocol: asyncio.Protocol
    sink: Sink

    async def ask(self, requests: Sequence[bytes]) -> None:
        """Ask one after the other, whatever answers them."""
        for number, request in enumerate(requests, self.sink.replies + 1):
            self.protocol.data_received(request)
            while self.sink.replies < number:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.5)  # the connection waits for a request again


@asynccontextmanager
async def opened(folder: Path, **memory: str) -> AsyncIterator[Served]:
    """Open a gateway with its files in *folder*, and what *memory* says of its memory."""
    async with AsyncExitStack() as stack:
        upstream = web.Application()
        upstream.add_routes([web.get("/items", _items)])
        runner = web.AppRunner(upstream)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        path = folder / "instructions.yaml"
        document: dict[str, Any] = hits.configuration(path, "256MiB", site.port or 0)
        document["memory"] |= memory
        document["access"] = {"mode": "required"}
        document["clients"] = {"rate": "100000000/min", "by": ["token"]}
        document["sources"]["bench"]["share"] = "public"
        tokens = await make_keys(document["database"]["url"], 1, TOKENS)
        path.write_bytes(msgspec.json.encode(document))
        gateway = await stack.enter_async_context(open_gateway(load_config(path, {})))
        app = make_app(gateway)
        served = web.AppRunner(app)
        await served.setup()
        stack.push_async_callback(served.cleanup)
        assert served.server is not None
        protocol, sink = connection(served.server, looks_of(app), entrance_of(app)), Sink()
        protocol.connection_made(sink)
        await asyncio.sleep(0)
        # Beneath valgrind the loop has no time in which to look after the log of withdrawals.
        gateway.tiers.withdrawals.clock = lambda: 0.0
        yield Served(gateway, app, tokens, protocol, sink)


async def serve(folder: Path, times: int) -> int:
    """Answer *times* requests from memory; return how many were answered by the hit path."""
    async with opened(folder) as served:
        requests = Requests(served.tokens, KEYS, random.Random(1))
        warm = [requests.of(number) for number in range(KEYS)] * 2
        await served.ask([*warm, *requests.of_each_token() * 3])
        answered = served.sink.replies
        drawn = [requests.draw() for _ in range(times)]
        with callgrind.counting():
            for number, request in enumerate(drawn, 1):
                served.protocol.data_received(request)
                if not number % FLUSH:
                    served.app[HITS].flush()
        return served.sink.replies - answered


async def _items(request: web.Request) -> web.Response:
    from bench.bare import answer  # noqa: PLC0415

    return web.Response(body=answer(request.query["q"]), content_type="application/json")


def main(arguments: Sequence[str] = ()) -> int:
    """Print the instructions of one hit."""
    if "--serve" in arguments:
        times = int(arguments[-1])
        # A line for each request would be most of what is counted.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        with tempfile.TemporaryDirectory() as folder:
            answered = asyncio.run(serve(Path(folder), times))
        return 0 if answered == times else 1
    if callgrind.installed():
        counted = callgrind.instructions("bench.instructions", "--serve", str(TIMES))
        sys.stdout.write(f"{counted / TIMES:,.0f} instructions a hit\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
