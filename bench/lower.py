"""Hits that memory has not, one at a time, beside bare aiohttp around one read of a bare driver.

``python -m bench lower [--quick] [--rounds N] [--only TIER]``. The gateway is in its real
configuration: keys asked for, limits, metrics and logs on, its memory too; each name is asked once,
so that each is found in the tier below, and promoted. Answers of 2 KB, one connection; both servers
of a tier take turns, and ask the same Redis or PostgreSQL. Only the ratios are worth comparing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bench import bare_reads, client, filled, hits, peers
from bench.peers import Served
from bench.requests import Requests
from bench.tokens import make_keys
from gateway.assembly import open_gateway
from gateway.config import load_config
from tests.servers.postgres import postgres
from tests.servers.valkey import valkey

TIERS = {
    "redis": "redis-py GET",
    "sqlite": "aiosqlite point read",
    "postgresql": "asyncpg point read",
}
"""With what each is measured beside."""
WANTED = 1.5
"""So many times as long as the bare read with aiohttp around it a hit may take."""
BYTES = 2_048


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it takes."""

    rounds: int = 9
    drawn: int = 500
    """Requests of one round."""
    tokens: int = 100
    tiers: Sequence[str] = tuple(TIERS)

    @property
    def names(self) -> int:
        """How many answers are kept: none is asked for twice, nor in two rounds."""
        return (self.rounds + 1) * self.drawn + 1


@dataclass(slots=True)
class Side:
    """One of the two servers, and what came of it in each round."""

    served: Served
    p50: list[float] = field(default_factory=list)
    """Microseconds, as the others."""
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    failed: int = 0

    def measure(self, requests: Sequence[bytes]) -> None:
        """Add one round."""
        before = self.served.cpu
        outcome = client.apart(self.served.port, requests, 1)
        self.cpu.append((self.served.cpu - before) / len(requests) * 1e6)
        self.p50.append(outcome.at(0.5))
        self.p99.append(outcome.at(0.99))
        self.failed += outcome.failed


@dataclass(slots=True)
class Pair:
    """A tier: the bare read and the gateway."""

    tier: str
    bare: Side
    ours: Side
    requests: Requests

    def measure(self, plan: Plan) -> None:
        """Ask the first names to warm up, then round by round those that follow."""
        for side in (self.bare, self.ours):
            warm = [*self.requests.of_each_token(), *map(self.requests.of, range(1, plan.drawn))]
            if failed := client.apart(side.served.port, warm, 1).failed:
                raise RuntimeError(f"{failed} of {len(warm)} requests failed")
        for number in range(1, plan.rounds + 1):
            names = range(number * plan.drawn, (number + 1) * plan.drawn)
            drawn = [self.requests.of(name) for name in names]
            for side in (self.bare, self.ours):
                side.measure(drawn)


def run(plan: Plan) -> list[Pair]:
    """Measure every tier of *plan*, one after the other."""
    pairs = []
    for tier in plan.tiers:
        with contextlib.ExitStack() as stack:
            upstream = stack.enter_context(peers.printed("bench.bare")).port
            pair = stack.enter_context(serving(tier, upstream, plan))
            pair.measure(plan)
            pairs.append(pair)
    return pairs


@contextlib.contextmanager
def serving(tier: str, upstream: int, plan: Plan) -> Iterator[Pair]:
    """Run both servers of *tier*, whose names have answers there."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = folder / "lower.yaml"
        document: dict[str, Any] = hits.configuration(path, "256MiB", upstream)
        document["access"] = {"mode": "required"}
        document["clients"] = {"rate": "100000000/min", "by": ["token"]}
        document["shedding"] = {"delay": "0s"}
        document["sources"]["bench"]["share"] = "public"
        url = str(folder / "bare.db")
        if tier == "redis":
            url = stack.enter_context(valkey()).url
            document["redis"] = {"url": url}
        elif tier == "postgresql":
            database = stack.enter_context(postgres())
            url = database.url().replace("+asyncpg", "")
            document["database"] = {"url": database.url()}
        asyncio.run(_fill(path, document, plan.names))
        names = [f"name {number}" for number in range(plan.names)]
        asyncio.run(bare_reads.fill(tier, url, names, b"x" * BYTES))
        tokens = asyncio.run(make_keys(document["database"]["url"], 1, plan.tokens))
        bare = stack.enter_context(peers.printed("bench.bare_reads", tier, url))
        ours = Served(*stack.enter_context(hits.running(path, document)))
        requests = Requests(tokens, plan.names, random.Random(1))
        yield Pair(tier, Side(bare), Side(ours), requests)


async def _fill(path: Path, document: dict[str, Any], names: int) -> None:
    """Put the answers into the tiers, as the gateway would."""
    path.write_bytes(orjson.dumps(document))
    async with open_gateway(load_config(path, {})) as gateway:
        made = list(filled.entries(gateway.routes[filled.SOURCE], names, BYTES, 1))
        for start in range(0, len(made), 500):
            await asyncio.gather(*map(gateway.tiers.put, made[start : start + 500]))


def ratio(ours: Sequence[float], bare: Sequence[float]) -> float:
    """Return the median of the ratios of the rounds: who took turns is compared."""
    return statistics.median(one / other for one, other in zip(ours, bare, strict=True))


def report(pairs: Sequence[Pair]) -> str:
    """Return the table."""
    lines = [
        f"| hit in | beside bare aiohttp with | p50 µs | of the gateway | ratio, {WANTED} wanted "
        "| p99 ratio | CPU µs | of the gateway | ratio |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for pair in pairs:
        bare, ours = pair.bare, pair.ours
        cells = [pair.tier, TIERS[pair.tier]]
        cells += [f"{statistics.median(each.p50):.0f}" for each in (bare, ours)]
        cells += [f"{ratio(ours.p50, bare.p50):.2f} ×", f"{ratio(ours.p99, bare.p99):.2f} ×"]
        cells += [f"{statistics.median(each.cpu):.0f}" for each in (bare, ours)]
        cells += [f"{ratio(ours.cpu, bare.cpu):.2f} ×"]
        lines.append(f"| {' | '.join(cells)} |")
    failed = sum(pair.bare.failed + pair.ours.failed for pair in pairs)
    return "\n".join([*lines, "", f"{failed} requests failed."])


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; return 1 when a request failed."""
    parser = argparse.ArgumentParser(prog="python -m bench lower", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that it works; some seconds")
    parser.add_argument("--rounds", type=int, default=Plan().rounds)
    parser.add_argument("--only", choices=TIERS, action="append", help="this tier alone")
    options = parser.parse_args(arguments)
    tiers = tuple(options.only or TIERS)
    plan = Plan(rounds=1, drawn=50, tokens=5, tiers=tiers)
    pairs = run(plan if options.quick else Plan(rounds=options.rounds, tiers=tiers))
    sys.stdout.write(report(pairs) + "\n")
    return 1 if any(pair.bare.failed + pair.ours.failed for pair in pairs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
