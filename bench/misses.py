"""Two thousand misses at once over an upstream that takes 300 ms, identical and each its own.

``python -m bench misses [--rounds N]``: the gateway beside a bare aiohttp server that asks the
upstream with a bare aiohttp client.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import uvloop
from aiohttp import web

from bench import client, hits, peers
from bench.bare import answer
from bench.peers import Served
from gateway.web.descriptors import allow_many_connections

MANY = 2_000
DELAY = 0.3
BEHIND = 0.5
"""Seconds that a server has for what it does behind its answers."""
SERVERS = ("bare aiohttp client and server", "gateway")
_ASKED = "GET /v1/search?source=bench&q={} HTTP/1.1\r\nHost: bench\r\n\r\n"


async def upstream() -> None:
    """Answer after `DELAY`; what is below ``/v1`` asks that over HTTP."""

    async def items(request: web.Request) -> web.Response:
        await asyncio.sleep(DELAY)
        return web.Response(body=answer(request.query["q"]), content_type="application/json")

    app = asking(int(sys.argv[2]))
    app.add_routes([web.get("/items", items)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=MANY)
    await site.start()
    sys.stdout.write(f"{site.port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def asking(port: int) -> web.Application:
    """Return a bare server that asks the upstream at *port* with a bare client."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def search(request: web.Request) -> web.Response:
        url, params = f"http://127.0.0.1:{port}/items", {"q": request.query["q"]}
        async with session.get(url, params=params) as response:
            body = await response.read()
        return web.Response(body=body, content_type="application/json")

    async def close(_app: web.Application) -> None:
        await session.close()

    app = web.Application()
    app.add_routes([web.get("/v1/search", search)])
    app.on_cleanup.append(close)
    return app


def configuration(path: Path, port: int, many: int) -> dict[str, Any]:
    """Return what the gateway at *path* is told, which asks the upstream at *port*."""
    document: dict[str, Any] = hits.configuration(path, "256MiB", port)
    document["sources"]["bench"]["limits"] = {"concurrency": many}
    # What is measured is how long all take: with shedding, some would be refused instead.
    document["shedding"] = {"delay": "0s"}
    return document


@contextlib.contextmanager
def _beside() -> Iterator[int]:
    """Run the upstream on the core of the load."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.misses", "--serve", "0"],
        cwd=hits.ROOT,
        stdout=subprocess.PIPE,
    )
    with hits.ended(process):
        assert process.stdout is not None
        yield int(process.stdout.readline())


class Round(NamedTuple):
    """What all of one round took."""

    milliseconds: float
    """Until the last was answered."""
    cpu: float
    """Microseconds of the server for each."""


def run(rounds: int, many: int = MANY) -> dict[str, dict[str, list[Round]]]:
    """Return what each round took, by case and server."""
    allow_many_connections()
    found: dict[str, dict[str, list[Round]]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(_beside())
        path = folder / "misses.yaml"
        document = configuration(path, port, many)
        bare = stack.enter_context(peers.printed("bench.misses", "--serve", str(port)))
        ours = Served(*stack.enter_context(hits.running(path, document)))
        for number in range(rounds):
            for name, server in zip(SERVERS, (bare, ours), strict=True):
                cases = {
                    "identical": [f"same-{number}"] * many,
                    "distinct": [f"own-{number}-{each}" for each in range(many)],
                }
                for case, names in cases.items():
                    requests = [_ASKED.format(each).encode() for each in names]
                    before = server.cpu
                    outcome = client.apart(server.port, requests, many)
                    # What is told and written behind the answers is theirs as well.
                    time.sleep(BEHIND)
                    took = Round(outcome.latencies[-1] * 1000, (server.cpu - before) / many * 1e6)
                    found.setdefault(case, {}).setdefault(name, []).append(took)
                    if outcome.failed:
                        sys.stdout.write(f"{name}, {case}: {outcome.failed} failed\n")
    return found


def report(found: Mapping[str, Mapping[str, Sequence[Round]]], many: int) -> str:
    """Return the table; ratios are against the bare server."""
    lines = [f"| {many:,} at once | server | all answered, ms | | CPU µs each | |"]
    lines.append("|---|---|---|---|---|---|")
    for case, servers in found.items():
        first = _median(servers[SERVERS[0]])
        for name, rounds in servers.items():
            took = _median(rounds)
            ratios = took.milliseconds / first.milliseconds, took.cpu / first.cpu
            lines.append(
                f"| {case} | {name} | {took.milliseconds:.0f} | {ratios[0]:.2f} × "
                f"| {took.cpu:.0f} | {ratios[1]:.2f} × |"
            )
    return "\n".join(lines)


def _median(rounds: Sequence[Round]) -> Round:
    return Round(*map(statistics.median, zip(*rounds, strict=True)))


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench misses", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--many", type=int, default=MANY)
    options = parser.parse_args(arguments)
    found = run(options.rounds, options.many)
    sys.stdout.write(f"{report(found, options.many)}\n")
    return 0


if __name__ == "__main__":
    uvloop.run(upstream())
