"""A crowd that asks one cold thing at once, and ten whose upstream fails after 200 ms.

``python -m bench crowd``. The whole gateway over a real HTTP stub, all in this process: what the
stub and the clients take is in the figures.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import structlog

from adapters.errors import UpstreamError
from gateway.assembly import Gateway, open_gateway
from gateway.config import load_config
from gateway.lookup import Lookup
from tests.serving import served
from tests.stub_upstream import Reply, StubUpstream, source

CROWD = 1000
FEW = 10
DELAY = 0.2
"""Seconds until the upstream answers or fails."""
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Crowd:
    """How it went."""

    calls: int
    milliseconds: float
    """From the return of the call to the last answer, or from the first question."""
    cpu: float
    """Milliseconds in which this process really ran: what is left on a quiet machine."""


@asynccontextmanager
async def world() -> AsyncIterator[tuple[StubUpstream, Gateway, aiohttp.ClientSession]]:
    """Open a stub, a gateway before it and a client of that."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "crowd.yaml"
        async with StubUpstream() as upstream:
            config = {
                "database": {"url": f"sqlite+aiosqlite:///{name}/crowd.db"},
                "sources": {"s": source(upstream.url, summary={"by": "none"})},
            }
            path.write_bytes(orjson.dumps(config))
            async with open_gateway(load_config(path, {})) as gateway, served(gateway) as client:
                yield upstream, gateway, client


async def crowd(upstream: StubUpstream, ask: Callable[[], Awaitable[object]]) -> Crowd:
    """Let `CROWD` callers *ask* at once, release the call, and time the last answer."""
    upstream.gate.clear()
    before = upstream.count
    callers = [asyncio.ensure_future(ask()) for _ in range(CROWD)]
    await upstream.arrived(before + 1)
    await asyncio.sleep(2 * DELAY)
    released, cpu = time.perf_counter(), time.process_time()
    upstream.gate.set()
    await asyncio.gather(*callers)
    return _since(released, cpu, upstream.count - before)


async def failing(upstream: StubUpstream, ask: Callable[[], Awaitable[object]]) -> Crowd:
    """Let `FEW` callers *ask* what fails after `DELAY` seconds, and time the last error."""
    upstream.script(Reply(status=401, delay=DELAY))
    before, began, cpu = upstream.count, time.perf_counter(), time.process_time()
    results = await asyncio.gather(*(ask() for _ in range(FEW)), return_exceptions=True)
    crowd = _since(began, cpu, upstream.count - before)
    assert all(isinstance(result, UpstreamError) or result == 502 for result in results), results
    return crowd


def _since(began: float, cpu: float, calls: int) -> Crowd:
    seconds, ran = time.perf_counter() - began, time.process_time() - cpu
    return Crowd(calls, seconds * 1000, ran * 1000)


async def measure(rounds: int = ROUNDS) -> dict[str, list[Crowd]]:
    """Measure each, *rounds* times."""
    found: dict[str, list[Crowd]] = {}
    async with world() as (upstream, gateway, client):

        async def over_http(name: str) -> int:
            async with client.get("/v1/search", params={"source": "s", "q": name}) as response:
                await response.read()
                return response.status

        async def direct(name: str) -> object:
            return await gateway.resolver.resolve(Lookup("s", name))

        ways: dict[str, Callable[[str], Awaitable[object]]] = {
            "": direct,
            ", over HTTP": over_http,
        }
        for number in range(rounds):
            for way, ask in ways.items():
                name = f"{number}{way}"
                found.setdefault(f"{CROWD:,} cold lookups{way}", []).append(
                    await crowd(upstream, lambda name=name, ask=ask: ask(name))  # type: ignore[misc]
                )
                found.setdefault(f"{FEW} waiters, failing{way}", []).append(
                    await failing(upstream, lambda name=name, ask=ask: ask(f"bad {name}"))  # type: ignore[misc]
                )
    return found


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; return 1 when a crowd made more than one call."""
    del arguments
    # A line for each request would be most of what is measured.
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)
    found = asyncio.run(measure())
    sys.stdout.write("| | upstream calls | median ms | longest ms | CPU ms |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for name, crowds in found.items():
        times = [each.milliseconds for each in crowds]
        calls = max(each.calls for each in crowds)
        sys.stdout.write(
            f"| {name} | {calls} | {statistics.median(times):.0f} | {max(times):.0f} "
            f"| {statistics.median(each.cpu for each in crowds):.0f} |\n"
        )
    return 1 if any(each.calls != 1 for crowds in found.values() for each in crowds) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
