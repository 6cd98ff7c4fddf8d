"""Instructions of user space for one distinct miss, counted by Valgrind, beside a bare server's.

``python -m bench miss_instructions`` asks for distinct things through connections that have no
socket, a hundred at once, of the gateway and of a bare aiohttp server that asks the same upstream
with a bare aiohttp client: the sockets to the upstream, which is a process of its own, are counted
in both, and so are the threads of the database.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from aiohttp import web

from bench import callgrind, misses, peers
from bench.instructions import Sink
from gateway import logs
from gateway.assembly import open_gateway
from gateway.collection import settle
from gateway.config import load_config
from gateway.logs import logged
from gateway.web.app import make_app
from gateway.web.plain_connection import connections_of

AT_ONCE = 100
WARM = 20
LONGEST = 300.0
"""Seconds for all of a wave, which may be answered beneath Valgrind."""
BEHIND = 0.5
"""Seconds for what is told and written behind the answers."""
PAUSE = 0.25
"""Seconds between two looks whether all are answered: they are counted as well, and are many
where other work keeps the upstream waiting."""
KINDS = {"bare": misses.SERVERS[0], "gateway": misses.SERVERS[1]}
_ASKED = "GET /v1/search?source=bench&q={} HTTP/1.1\r\nHost: bench\r\n\r\n"

Connect = Callable[[], asyncio.Protocol]


@asynccontextmanager
async def bare(upstream: int, folder: Path, at_once: int) -> AsyncIterator[Connect]:
    """Open the server that `misses` measures beside the gateway."""
    runner = web.AppRunner(misses.asking(upstream), access_log=None)
    await runner.setup()
    assert runner.server is not None
    yield runner.server
    await runner.cleanup()


@asynccontextmanager
async def gateway(upstream: int, folder: Path, at_once: int) -> AsyncIterator[Connect]:
    """Open a gateway as `misses` configures it."""
    path = folder / "misses.yaml"
    document: dict[str, Any] = misses.configuration(path, upstream, at_once)
    # Under Valgrind everything takes fifty times as long.
    document["sources"]["bench"]["limits"] |= {"deadline": "300s"}
    path.write_bytes(msgspec.json.encode(document))
    async with open_gateway(load_config(path, {}), events=logged(time.monotonic)) as opened:
        app = make_app(opened)
        runner = web.AppRunner(app)
        await runner.setup()
        server, connect = runner.server, connections_of(app)
        assert server is not None
        yield lambda: connect(server)
        await runner.cleanup()


async def ask(connect: Connect, names: list[str]) -> int:
    """Ask for all of *names* at once, each on a connection of its own; return how many came."""
    sinks = [Sink() for _ in names]
    for name, sink in zip(names, sinks, strict=True):
        protocol = connect()
        protocol.connection_made(sink)
        protocol.data_received(_ASKED.format(name).encode())
    async with asyncio.timeout(LONGEST):
        while not all(sink.replies for sink in sinks):
            await asyncio.sleep(PAUSE)
    await asyncio.sleep(BEHIND)
    return sum(sink.replies for sink in sinks)


async def serve(kind: str, upstream: int, at_once: int) -> int:
    """Answer so many misses at once; return how many were answered."""
    opened = gateway if kind == "gateway" else bare
    with tempfile.TemporaryDirectory() as folder:
        async with opened(upstream, Path(folder), at_once) as connect:
            await ask(connect, [f"warm-{number}" for number in range(WARM)])
            settle()
            with callgrind.counting():
                return await ask(connect, [f"own-{number}" for number in range(at_once)])


def counted(kind: str, upstream: int) -> float:
    """Return how many instructions a miss takes in a server of *kind*."""
    asked = ("--serve", kind, str(upstream))
    return callgrind.instructions("bench.miss_instructions", *asked) / AT_ONCE


def report(found: Mapping[str, float]) -> str:
    """Return the table; the bare server is what the gateway is measured by."""
    lines = ["| one distinct miss | instructions | |", "|---|---|---|"]
    for kind, count in found.items():
        lines.append(f"| {KINDS[kind]} | {count:,.0f} | {count / found['bare']:.2f} × |")
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> int:
    """Print the instructions of one miss."""
    if "--serve" in arguments:
        kind, port = arguments[-2:]
        logs.configure()  # access lines go to standard error, which is read and thrown away
        answered = uvloop.run(serve(kind, int(port), AT_ONCE))
        return 0 if answered == AT_ONCE else 1
    if callgrind.installed():
        with peers.printed("bench.misses", "--serve", "0") as upstream:
            found = {kind: counted(kind, upstream.port) for kind in KINDS}
        sys.stdout.write(f"{report(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
