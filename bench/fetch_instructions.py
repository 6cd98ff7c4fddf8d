"""Instructions of user space for one call to an upstream, layer by layer, counted by Valgrind.

``python -m bench fetch_instructions``: the same calls through ever more of what stands between a
lookup and its upstream, beside a bare aiohttp client. Each layer's figure has those above it in it.
What the upstream takes is no part of it, and the figures do not move with the load.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import uvloop
from yarl import URL

from adapters.guard import Guarded
from adapters.http import open_session, send
from adapters.source import Priority, Query
from bench import callgrind, hits
from gateway.assembly import Gateway, open_gateway
from gateway.collection import settle
from gateway.config import load_config
from gateway.events import Events
from gateway.lookup import make_lookup
from gateway.refill.fetching import Fetching

AT_ONCE = 100
"""So many calls are in the air together, as in a burst of misses."""
TIMES = 1_000
PATIENCE = 300.0
"""Seconds for a call, which takes fifty times as long beneath Valgrind."""
NAMES = {
    "bare": "bare aiohttp client: get, read",
    "send": "`adapters.http.send`: the body is bounded, errors are ours",
    "source": "+ request by templates, answer read and mapped",
    "guard": "+ breaker, deadline, retries, permits, quota",
    "fetch": "+ events, checked, encoded, named",
}
Ask = Callable[[str], Awaitable[object]]


async def calls(layer: str, port: int, folder: Path, times: int) -> int:
    """Make *times* calls through *layer*, `AT_ONCE` at a time; return how many."""
    async with _asking(layer, port, folder) as ask:
        await _burst(ask, "warm", AT_ONCE * 3)
        settle()
        with callgrind.counting():
            await _burst(ask, "counted", times)
    return times


async def _burst(ask: Ask, name: str, times: int) -> None:
    for first in range(0, times, AT_ONCE):
        async with asyncio.TaskGroup() as group:
            for number in range(first, first + AT_ONCE):
                group.create_task(_awaited(ask, f"{name} {number}"))


async def _awaited(ask: Ask, name: str) -> None:
    await ask(name)


@contextlib.asynccontextmanager
async def _asking(layer: str, port: int, folder: Path) -> AsyncIterator[Ask]:
    url = f"http://127.0.0.1:{port}/items"
    if layer == "bare":
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def bare(name: str) -> bytes:
                async with session.get(url, params={"q": name}) as response:
                    return await response.read()

            yield bare
    elif layer == "send":
        async with open_session(allow_private=True) as session:

            async def sent(name: str) -> object:
                asked = URL(f"{url}?q={name.replace(' ', '+')}", encoded=True)
                return await send(session, asked, {}, seconds=PATIENCE, max_bytes=1 << 20)

            yield sent
    else:
        path = folder / "fetch.yaml"
        document = hits.configuration(path, "64MiB", port)
        source: dict[str, Any] = document["sources"]["bench"]  # type: ignore[index]
        source["limits"] = {"concurrency": AT_ONCE, "deadline": f"{PATIENCE:g}s"}
        source["request"] |= {"timeout": f"{PATIENCE:g}s"}
        path.write_bytes(msgspec.json.encode(document))
        async with open_gateway(load_config(path, {})) as gateway:
            yield _through(layer, gateway)


def _through(layer: str, gateway: Gateway) -> Ask:
    route = gateway.routes["bench"]
    if layer == "fetch":
        fetching = Fetching(Events())

        async def fetched(name: str) -> object:
            lookup = make_lookup(route, name)
            return await fetching.fetch(lookup, route, None, Priority.CALLER, 0)

        return fetched
    guard = route.source
    assert isinstance(guard, Guarded)
    source = guard._source if layer == "source" else guard

    async def asked(name: str) -> object:
        return await source.fetch(Query(name))

    return asked


def counted(layer: str, port: int, times: int) -> float:
    """Return how many instructions one of *times* calls through *layer* takes."""
    asked = ("--serve", layer, str(port), "--times", str(times))
    return callgrind.instructions("bench.fetch_instructions", *asked) / times


def report(found: Mapping[str, float]) -> str:
    """Return the table; the first layer is what the others are measured by."""
    first = next(iter(found.values()))
    lines = ["| one call through | instructions | |", "|---|---|---|"]
    for layer, count in found.items():
        lines.append(f"| {NAMES[layer]} | {count:,.0f} | {count / first:.2f} × |")
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> int:
    """Print the instructions of a call by layers."""
    parser = argparse.ArgumentParser(prog="python -m bench fetch_instructions", description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--serve", nargs=2, metavar=("LAYER", "PORT"))
    options = parser.parse_args(arguments)
    if options.serve:
        layer, port = options.serve
        with tempfile.TemporaryDirectory() as folder:
            uvloop.run(calls(layer, int(port), Path(folder), options.times))
        return 0
    if callgrind.installed():
        with hits.bare() as (_, port):
            found = {layer: counted(layer, port, options.times) for layer in NAMES}
        sys.stdout.write(f"{report(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
