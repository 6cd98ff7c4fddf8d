"""A popularity trace replayed while half of the upstream's calls fail: how many get an answer.

``python -m bench popularity [--trace FILE ...]``: files of one key a line, gzipped or not
(``CACHE_TRACES`` names a folder of them); without one, a Zipf trace is drawn. Time is virtual:
so many lookups a second, minutes between refreshes, and the whole replay takes seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random

from adapters.breaker import Breaker
from adapters.errors import Kind, UpstreamError
from adapters.guard import Guarded
from adapters.source import Payload, Query
from adapters.sources.limits import LimitsSpec
from adapters.sources.units import Duration
from gateway.flights import FlightsSpec
from gateway.freshness import FreshnessSpec
from gateway.lookup import Lookup
from gateway.route import Deadlines
from tests.simulation.core import CREDIT, SOUND, Core, Rules, open_core
from tests.simulation.loop import run

PER_SECOND = 1.0
MOST = 10_000
"""Lookups of a trace that are replayed."""
POLICY = FreshnessSpec(ttl=Duration(600))
DEFAULT = LimitsSpec()
PATIENT = LimitsSpec(retries=5)
START = 1_800_000_000.0


class HalfFailing:
    """Answers after a while, or fails, by chance; while it is *well* it never fails."""

    def __init__(self, seed: int) -> None:
        self.calls = 0
        self.well = False
        self._rng = Random(seed)

    async def fetch(self, query: Query) -> Payload:
        self.calls += 1
        await asyncio.sleep(self._rng.uniform(0.05, 0.4))
        if not self.well and self._rng.random() < 0.5:
            raise UpstreamError(Kind.TRANSIENT, "by chance")
        at = START + asyncio.get_running_loop().time()
        return Payload(({"id": "1", "name": query.text},), 1, CREDIT, at)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the lookups of a trace."""

    name: str
    lookups: int
    keys: int
    calls: int
    outcomes: Counter[str]

    @property
    def answered(self) -> float:
        """The share that got an answer."""
        failed = sum(n for name, n in self.outcomes.items() if name.startswith("error: "))
        return 1 - failed / self.lookups


def replay(name: str, keys: Sequence[str], limits: LimitsSpec, *, warm: bool) -> Replayed:
    """Look up *keys* one after the other; *warm*: each was fetched once while all was well."""
    return run(_replay(name, keys, limits, warm=warm))


async def _replay(name: str, keys: Sequence[str], limits: LimitsSpec, *, warm: bool) -> Replayed:
    loop, rng, upstream = asyncio.get_running_loop(), Random(1), HalfFailing(2)

    def clock() -> float:
        return START + loop.time()

    spec = limits.breaker
    breaker = Breaker(
        "s",
        spec.failures,
        spec.reset,
        clock=clock,
        on_change=lambda *_: None,
        rates=spec.rates,
    )
    guard = Guarded(upstream, limits, breaker, clock=clock, jitter=rng.random)
    rules = Rules(POLICY, Deadlines(soft=2.0), FlightsSpec(), memory=256 << 20)
    core = open_core(guard, rules, clock, rng, SOUND)
    if warm:
        upstream.well = True
        for key in dict.fromkeys(keys):
            await core.resolver.resolve(Lookup("s", key))
        upstream.well = False
    outcomes: Counter[str] = Counter()
    before = upstream.calls
    async with asyncio.TaskGroup() as group:
        for key in keys:
            await asyncio.sleep(rng.expovariate(PER_SECOND))
            group.create_task(_ask(core, key, outcomes))
    await asyncio.sleep(120)
    return Replayed(name, len(keys), len(set(keys)), upstream.calls - before, outcomes)


async def _ask(core: Core, key: str, outcomes: Counter[str]) -> None:
    try:
        answer = await core.resolver.resolve(Lookup("s", key), 30)
    except UpstreamError as error:
        outcomes[f"error: {error.kind.value}"] += 1
    else:
        outcomes[answer.outcome] += 1


def zipf(keys: int, lookups: int, seed: int = 1) -> list[str]:
    """Return *lookups* of *keys* names whose popularity falls with their rank."""
    weights = list(accumulate(1 / rank for rank in range(1, keys + 1)))
    drawn = Random(seed).choices(range(keys), cum_weights=weights, k=lookups)
    return [f"name {number}" for number in drawn]


def read_trace(path: Path) -> list[str]:
    """Return the first keys of the trace at *path*."""
    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode().split()
    return lines[:MOST]


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; return 1 when a warm or a Zipf trace is answered to less than 99 %."""
    parser = argparse.ArgumentParser(prog="python -m bench popularity", description=__doc__)
    parser.add_argument("--trace", type=Path, nargs="*", default=from_environment())
    traces = {
        path.name.split(".")[0]: read_trace(path) for path in parser.parse_args(arguments).trace
    }
    traces["Zipf, 1,000 names"] = zipf(1000, MOST)
    say = sys.stdout.write
    say(
        f"Half of all calls fail; {PER_SECOND:g} lookups a second of virtual time, "
        f"records fresh for {POLICY.ttl / 60:g} minutes\n\n"
        "| trace | lookups | keys | at first | retries | answered | fresh | stale | calls |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    worst = 1.0
    for name, keys in traces.items():
        for warm, limits in ((False, DEFAULT), (False, PATIENT), (True, DEFAULT)):
            done = replay(name, keys, limits, warm=warm)
            stale = done.outcomes["stale"] / done.lookups
            say(
                f"| {name} | {done.lookups} | {done.keys} | {'warm' if warm else 'empty'} "
                f"| {limits.retries} | {done.answered:.2%} | {done.answered - stale:.2%} "
                f"| {stale:.2%} | {done.calls} |\n"
            )
            worst = min(worst, done.answered) if warm else worst
    return 0 if worst >= 0.99 else 1


def from_environment() -> list[Path]:
    """Return the traces in the folder that ``CACHE_TRACES`` names."""
    folder = os.environ.get("CACHE_TRACES", "")
    return sorted(Path(folder).glob("*.gz")) if folder else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
