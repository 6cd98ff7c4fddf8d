"""Hits of the gateway as it is shipped beside the quickest servers there are, in turn.

``python -m bench hitpath [--quick]``. One server core, one load core; answers of 2 KB, keys asked
by Zipf(1), 1,000 API keys, a ``traceparent`` of its own in each request. CPU per request is the
scheduler's account of the server; only ratios are worth comparing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import client, hits, peers, plot, wrk
from bench.peers import Served
from bench.requests import Requests
from bench.tokens import make_keys
from gateway import compiled

CONNECTIONS = 64
RATE = 2000.0
NGINX, VARNISH, PROTOCOL, AIOHTTP, GATEWAY = (
    "nginx proxy_cache",
    "Varnish",
    "bare uvloop protocol",
    "bare aiohttp",
    "gateway, memory hit",
)
TARGETS = ((NGINX, 1.5), (VARNISH, 2.5), (PROTOCOL, 0.75), (AIOHTTP, 7.0))
"""So many times as many hits for the same CPU as each the gateway shall answer."""
P99 = 1.3
"""So many times nginx's its 99th percentile may be, at a paced rate."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it takes."""

    rounds: int = 5
    seconds: float = 2.0
    keys: int = 10_000
    tokens: int = 1_000
    drawn: int = 40_000


QUICK = Plan(rounds=1, seconds=1.0, keys=200, tokens=20, drawn=2_000)


@dataclass(slots=True)
class Row:
    """A server, and what came of it in each round."""

    name: str
    served: Served
    cpu: list[float] = field(default_factory=list)
    """Microseconds for each request."""
    rate: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    """Microseconds at the paced rate, as the next."""
    p99: list[float] = field(default_factory=list)
    failed: int = 0

    def measure(self, requests: Requests, plan: Plan) -> None:
        """Add one round."""
        drawn = [requests.draw() for _ in range(plan.drawn)]
        before = self.served.cpu
        outcome = wrk.run(self.served.port, drawn, plan.seconds, CONNECTIONS)
        self.cpu.append((self.served.cpu - before) / outcome.requests * 1e6)
        self.rate.append(outcome.requests / outcome.seconds)
        paced = drawn[: int(plan.seconds * RATE)]
        told = client.apart(self.served.port, paced, CONNECTIONS, RATE)
        self.p50.append(told.at(0.5))
        self.p99.append(told.at(0.99))
        self.failed += outcome.failed + told.failed

    @property
    def medians(self) -> tuple[float, float, float, float]:
        """CPU, requests a second, p50 and p99."""
        cpu, rate, p50, p99 = map(statistics.median, (self.cpu, self.rate, self.p50, self.p99))
        return cpu, rate, p50, p99


def run(plan: Plan) -> list[Row]:
    """Measure every server that is there, in turn, round by round."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bare = stack.enter_context(peers.printed("bench.bare"))
        served, tokens = stack.enter_context(gateway(folder, bare.port, plan))
        found: list[tuple[str, Served | None]] = [
            (NGINX, stack.enter_context(peers.nginx(folder, bare.port))),
            (VARNISH, stack.enter_context(peers.varnish(folder, bare.port))),
            (PROTOCOL, stack.enter_context(peers.printed("bench.bare_protocol", str(plan.keys)))),
            (AIOHTTP, bare),
            (GATEWAY, served),
        ]
        rows = [Row(name, there) for name, there in found if there is not None]
        requests = Requests(tokens, plan.keys, random.Random(1))
        for row in rows:
            warm(row.served.port, requests, plan)
        for _ in range(plan.rounds):
            for row in rows:
                row.measure(requests, plan)
        return rows


def warm(port: int, requests: Requests, plan: Plan) -> None:
    """Ask for every key, and with every token, until all of it is answered from what is kept."""
    names = [requests.of(number) for number in range(plan.keys)]
    # A few at a time: a machine that is busy with something else sheds misses.
    for batch in (names, names, names, requests.of_each_token() * 2, names):
        failed = client.apart(port, batch, 8).failed
    if failed:
        raise RuntimeError(f"{failed} of {plan.keys} requests failed")


@contextlib.contextmanager
def gateway(
    folder: Path,
    upstream: int,
    plan: Plan,
    change: Callable[[dict[str, object]], None] = lambda _: None,
) -> Iterator[tuple[Served, list[str]]]:
    """Run the gateway with keys asked for, limits, metrics and logs; *change* its document."""
    path = folder / "hitpath.yaml"
    document = hits.configuration(path, "256MiB", upstream)
    document["access"] = {"mode": "required"}
    document["clients"] = {"rate": "100000000/min", "by": ["token"]}
    document["sources"]["bench"]["share"] = "public"  # type: ignore[index]
    change(document)
    tokens = asyncio.run(make_keys(document["database"]["url"], 1, plan.tokens))  # type: ignore[index]
    with hits.running(path, document) as (pid, port):
        yield Served(pid, port), tokens


def report(rows: Sequence[Row]) -> str:
    """Return the table of the servers, and that of the targets."""
    ours = rows[-1].medians
    lines = [
        f"| server | CPU µs a hit | hits/s | p50 µs at {RATE:,.0f}/s | p99 µs | the gateway |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cpu, rate, p50, p99 = row.medians
        lines.append(
            f"| {row.name} | {cpu:.1f} | {rate:,.0f} | {p50:,.0f} | {p99:,.0f} "
            f"| {cpu / ours[0]:.2f} × |"
        )
    by_name = {row.name: row for row in rows}
    lines += ["", "| memory hits for the same CPU | at least | reached |", "|---|---|---|"]
    for name, wanted in TARGETS:
        if name in by_name:
            reached = by_name[name].medians[0] / ours[0]
            lines.append(f"| against {name} | {wanted} × | {_told(reached, reached >= wanted)} |")
    if NGINX in by_name:
        late = ours[3] / by_name[NGINX].medians[3]
        lines.append(f"| p99 against nginx's | at most {P99} × | {_told(late, late <= P99)} |")
    failed = sum(row.failed for row in rows)
    return "\n".join([*lines, "", f"{failed} requests failed."])


def _told(ratio: float, well: bool) -> str:
    return f"{ratio:.2f} ×" + ("" if well else ", short of it")


def main(arguments: Sequence[str] = ()) -> int:
    """Print the tables; return 1 when a request failed."""
    parser = argparse.ArgumentParser(prog="python -m bench hitpath", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that it works")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--plot", type=Path, help="write a plot (SVG) there")
    options = parser.parse_args(arguments)
    if not wrk.installed():
        sys.stdout.write("wrk is not installed: nothing is measured\n")
        return 0
    plan = QUICK if options.quick else Plan(rounds=options.rounds or Plan().rounds)
    rows = run(plan)
    load = os.getloadavg()[0]
    told = f"load average {load:.1f}, {plan.rounds} rounds, hits {compiled.state()}"
    sys.stdout.write(f"{report(rows)}\n{told}\n")
    if options.plot is not None:
        bars = [(row.name, row.medians[0]) for row in rows]
        options.plot.write_text(plot.bars("CPU µs a hit, the scheduler's account", bars))
    return 1 if any(row.failed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
