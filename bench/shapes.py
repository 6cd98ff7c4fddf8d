"""What a request costs by the shape of what is asked: tier, share of hits, entries, size, tenants.

``python -m bench shapes [--quick] [--rounds N]``. One server core, one load core, 32 connections;
keys asked by Zipf(1), an API key and a ``traceparent`` of its own in each request; access, limits,
metrics and logs are on as shipped. CPU per request is the scheduler's account of the gateway, not
of Redis, PostgreSQL or the upstream; each row took turns with the first one, round by round, and
only the ratio to that is worth comparing.
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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from bench import client, filled, hits, peers
from bench.peers import Served
from bench.requests import HEAD, Requests
from bench.tokens import make_keys
from gateway.assembly import open_gateway
from gateway.config import load_config
from tests.servers.postgres import postgres
from tests.servers.valkey import valkey

CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Shape:
    """What is kept and asked."""

    name: str
    entries: int = 10_000
    bytes: int = 2_048
    tenants: int = 1
    tokens: int = 100
    share: float = 1.0
    """Of what is asked, so much is kept."""
    tier: str = "memory"
    """The nearest that has it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it takes."""

    groups: Sequence[Sequence[Shape]]
    first: Shape
    rounds: int = 5
    drawn: int = 6_000
    """Requests of one round."""


FIRST = Shape("memory, 2 KB, 10,000 entries, 1 tenant")
GROUPS = (
    [Shape(f"hit in {tier}", 2_000, tier=tier) for tier in ("redis", "sqlite", "postgresql")],
    [Shape(f"{share:.0%} hits, else misses", share=share) for share in (0.99, 0.9, 0.5)],
    [Shape(f"{count:,} entries", count, 512) for count in (100, 10_000, 1_000_000)],
    [Shape(f"{size} KB", 1_000, size << 10) for size in (1, 4, 16, 64)],
    [Shape(f"{count:,} tenants", tenants=count, tokens=count) for count in (10, 1_000, 10_000)],
)


def quick(plan: Plan) -> Plan:
    """Return *plan* so that it takes a minute: a hundredth of everything."""

    def smaller(shape: Shape) -> Shape:
        entries, tenants = max(20, shape.entries // 100), max(1, shape.tenants // 100)
        name = shape.name.replace(f"{shape.entries:,}", f"{entries:,}")
        name = name.replace(f"{shape.tenants:,} tenants", f"{tenants:,} tenants")
        return replace(shape, name=name, entries=entries, tenants=tenants, tokens=max(1, tenants))

    groups = [[smaller(shape) for shape in group] for group in plan.groups]
    return Plan(groups, smaller(plan.first), rounds=1, drawn=300)


@dataclass(slots=True)
class Row:
    """A shape that is served, and what came of it in each round."""

    shape: Shape
    served: Served
    tokens: Sequence[str]
    cpu: list[float] = field(default_factory=list)
    """Microseconds for each request."""
    failed: int = 0
    cold: int = 0
    """How many have been asked that were never asked before."""
    kept: Sequence[bytes] = ()
    """What is asked of what is there."""

    def measure(self, drawn: int, chance: random.Random) -> None:
        """Add one round."""
        requests = self._draw(drawn, chance)
        before = self.served.cpu
        outcome = client.apart(self.served.port, requests, CONNECTIONS)
        self.cpu.append((self.served.cpu - before) / len(requests) * 1e6)
        self.failed += outcome.failed

    def warm(self, drawn: int, chance: random.Random) -> None:
        """Draw what is to be asked, and ask it until it is answered as always."""
        names = max(1, self.shape.entries // self.shape.tenants)
        requests = Requests(self.tokens, names, chance)
        self.kept = [requests.draw() for _ in range(drawn)]
        for batch in (requests.of_each_token(), self.kept, self.kept):
            if failed := client.apart(self.served.port, batch, 8).failed:
                raise RuntimeError(f"{failed} requests of {self.shape.name} failed")

    def _draw(self, count: int, chance: random.Random) -> list[bytes]:
        asked = chance.sample(self.kept, count)
        share = self.shape.share
        return [each if chance.random() < share else self._unknown(chance) for each in asked]

    def _unknown(self, chance: random.Random) -> bytes:
        self.cold += 1
        trace = chance.getrandbits(128), chance.getrandbits(64)
        number = 10**9 + self.cold
        return HEAD.format(number, chance.choice(self.tokens), *trace).encode()


def run(plan: Plan) -> tuple[Row, list[list[Row]]]:
    """Measure every shape in turn with the first; return that and the groups."""
    chance, groups = random.Random(1), []
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(peers.printed("bench.bare")).port
        first = stack.enter_context(serving(plan.first, upstream))
        first.warm(plan.drawn, chance)
        for shapes in plan.groups:
            with contextlib.ExitStack() as group:
                rows = [group.enter_context(serving(shape, upstream)) for shape in shapes]
                for row in rows:
                    row.warm(plan.drawn, chance)
                for _ in range(plan.rounds):
                    for row in (first, *rows):
                        row.measure(plan.drawn, chance)
            groups.append(rows)
        return first, groups


@contextlib.contextmanager
def serving(shape: Shape, upstream: int) -> Iterator[Row]:
    """Run a gateway that has what *shape* says."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = folder / "shape.yaml"
        memory = "4GiB" if shape.tier == "memory" else "0"
        document: dict[str, Any] = hits.configuration(path, memory, upstream)
        document["access"] = {"mode": "required"}
        document["clients"] = {"rate": "100000000/min", "by": ["token"]}
        # What is measured is what each costs; nobody is refused meanwhile.
        document["shedding"] = {"delay": "0s"}
        document["sources"]["bench"]["share"] = "tenant" if shape.tenants > 1 else "public"
        _below(shape, document, stack)
        tokens = asyncio.run(make_keys(document["database"]["url"], shape.tenants, shape.tokens))
        module: tuple[str, ...] = ("gateway", "serve")
        if shape.tier == "memory":
            numbers = ("--entries", shape.entries, "--bytes", shape.bytes, "--tenants")
            module = ("bench.filled", *map(str, (*numbers, shape.tenants)))
        else:
            asyncio.run(_fill(path, document, shape))
        yield Row(shape, Served(*stack.enter_context(hits.running(path, document, module))), tokens)


def _below(shape: Shape, document: dict[str, Any], stack: contextlib.ExitStack) -> None:
    if shape.tier == "redis":
        document["redis"] = {"url": stack.enter_context(valkey()).url}
    if shape.tier == "postgresql":
        document["database"] = {"url": stack.enter_context(postgres()).url()}


async def _fill(path: Path, document: dict[str, Any], shape: Shape) -> None:
    """Put what *shape* says into the tiers, as the gateway would."""
    path.write_bytes(orjson.dumps(document))
    async with open_gateway(load_config(path, {})) as gateway:
        route = gateway.routes[filled.SOURCE]
        made = list(filled.entries(route, shape.entries, shape.bytes, shape.tenants))
        for start in range(0, len(made), 500):
            await asyncio.gather(*map(gateway.tiers.put, made[start : start + 500]))


def report(first: Row, groups: Sequence[Sequence[Row]]) -> str:
    """Return the table: each ratio is that of the rounds in which the row took turns."""
    lines = ["| what is asked | CPU µs | against the first |", "|---|---|---|"]
    lines.append(f"| {first.shape.name} | {statistics.median(first.cpu):.1f} | 1 |")
    at = 0
    for rows in groups:
        rounds = len(rows[0].cpu)
        beside = statistics.median(first.cpu[at : at + rounds])
        at += rounds
        for row in rows:
            cpu = statistics.median(row.cpu)
            lines.append(f"| {row.shape.name} | {cpu:.1f} | {cpu / beside:.2f} × |")
    failed = sum(row.failed for rows in ((first,), *groups) for row in rows)
    return "\n".join([*lines, "", f"{failed} requests failed."])


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; return 1 when a request failed."""
    parser = argparse.ArgumentParser(prog="python -m bench shapes", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth of everything")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    plan = Plan(GROUPS, FIRST, rounds=options.rounds)
    first, groups = run(quick(plan) if options.quick else plan)
    sys.stdout.write(report(first, groups) + "\n")
    return 1 if any(row.failed for rows in ((first,), *groups) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
