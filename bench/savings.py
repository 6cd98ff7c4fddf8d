"""The bill: a trace's calls and cost without the gateway, with it, and with it warmed.

``python -m bench savings [--trace FILE ...] [--lookups N] [--top N]``: files of one key a line,
gzipped or not (``CACHE_TRACES`` names a folder of them); without one, a Zipf trace is drawn. The
first N lookups of a trace are one day, the next N the day that is measured, in which the gateway
starts anew. Time is virtual; the database is a real SQLite file.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from adapters.source import Attribution, Payload, Query
from bench.eviction import read_trace
from bench.popularity import from_environment, zipf
from gateway.assembly import Gateway, open_gateway
from gateway.config import Config, load_config
from gateway.events import Event, Fetched, Summarized
from gateway.lookup import Lookup, make_lookup
from gateway.warming import warm
from gateway.warming.start import fill
from tests.clocks import ManualClock

CALL = 0.001
"""USD of a call upstream."""
SUMMARY = 0.0006
"""USD of a summary: 2,000 tokens in and 500 out, at 0.15 and 0.60 USD a million."""
BATCH = 0.5
"""What share of that the provider's batch endpoint costs."""
DAY = 86_400.0
TOGETHER = 20
"""Lookups that are asked at once."""
TOP = 500
"""Lookups that the warm-up of the night loads, unless it is told otherwise."""
LOOKUPS = 10_000
CONFIG = """
database: {{url: "sqlite+aiosqlite:///{folder}/bench.db"}}
warmup: {{on_start: false}}
shedding: {{delay: 1h}}
sources:
  s:
    adapter: bench.savings:Upstream
    share: public
    summary: {{by: extractive, language: en, roles: {{purpose: [use]}}}}
    response: {{fields: {{name: name, use: use}}}}
    freshness: {{ttl: 24h, stale_while_revalidate: 1h}}
    limits: {{price: {call}, concurrency: 64, queue: 100000}}
"""


class Upstream:
    """Answers at once, for each name one record that does not change."""

    def __init__(self, _name: str, _section: object) -> None:
        self._credit = Attribution("bench")

    async def fetch(self, query: Query) -> Payload:
        """Return the record of the name that was asked for."""
        record = {"id": query.text, "name": query.text, "use": f"{query.text} is used for tests."}
        return Payload((record,), 1, self._credit, CLOCK())


CLOCK = ManualClock()
"""Whose seconds pass as lookups do; a source that is named in a file gets no arguments."""


@dataclass
class Bill:
    """What one day was, from its first lookup to its last."""

    name: str
    lookups: int = 0
    memory: int = 0
    """Hits in memory among the first lookups."""
    waited: int = 0
    """Lookups that waited for the upstream, among the same."""
    calls: int = 0
    summaries: int = 0
    batched: int = 0
    """Summaries among them that were written by batches."""

    def __call__(self, event: Event) -> None:
        """Count what *event* costs."""
        self.calls += isinstance(event, Fetched)
        self.summaries += isinstance(event, Summarized)

    @property
    def usd(self) -> float:
        """What it costs."""
        written = self.summaries - self.batched * (1 - BATCH)
        return self.calls * CALL + written * SUMMARY


@asynccontextmanager
async def opened(config: Config, bill: Bill) -> AsyncIterator[Gateway]:
    """Open a gateway that *bill* hears of."""
    async with open_gateway(config, clock=CLOCK) as gateway:
        gateway.events.subscribe(bill)
        yield gateway


async def replay(gateway: Gateway, trace: Sequence[str], bill: Bill) -> None:
    """Ask for *trace* within a day."""
    route, outcomes = gateway.routes["s"], Counter[str]()
    for start in range(0, len(trace), TOGETHER):
        asked = [make_lookup(route, key) for key in trace[start : start + TOGETHER]]
        answers = await asyncio.gather(*map(gateway.resolver.resolve, asked))
        for answer in answers:
            outcomes[answer.tier if answer.outcome in ("hit", "stale") else "upstream"] += 1
        CLOCK.advance(DAY * len(asked) / len(trace))
    while gateway.flights.count:
        await asyncio.sleep(0.001)
    await gateway.popularity.flush()
    bill.lookups += len(trace)
    bill.memory += outcomes["memory"]
    bill.waited += outcomes["upstream"]


async def without(trace: Sequence[str]) -> Bill:
    """Return the bill where each lookup is a call and a summary."""
    count = len(trace)
    return Bill("without the gateway", count, 0, count, count, count)


async def cold(trace: Sequence[str], folder: Path) -> Bill:
    """Return the bill of a gateway that has never seen anything."""
    bill = Bill("cold start: nothing is kept")
    async with opened(configured(folder), bill) as gateway:
        await replay(gateway, trace, bill)
    return bill


async def restarted(day: Sequence[str], trace: Sequence[str], folder: Path, top: int) -> Bill:
    """Return the bill of one that was there the day before; with *top*, warmed over night."""
    config = configured(folder)
    async with opened(config, Bill("the day before")) as gateway:
        await replay(gateway, day, Bill(""))
    bill = Bill(
        f"warm start, {top:,} loaded over night by batches" if top else "restart, not warmed"
    )
    async with opened(config, bill) as gateway:
        if top:
            await gateway.popularity.refresh()
            found = await gateway.popularity.top(top, gateway.routes)
            lookups: list[Lookup] = [lookup for _, lookup in found]
            await warm(gateway.resolver, lookups, concurrency=TOGETHER)
            bill.batched = bill.summaries
            gateway.tiers.memory.clear()
            await fill(gateway)
        await replay(gateway, trace, bill)
    return bill


def configured(folder: Path) -> Config:
    """Return the configuration with a database in *folder*."""
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(folder=folder, call=CALL))
    return load_config(path, {})


async def bills(trace: Sequence[str], lookups: int, most: int = TOP) -> list[Bill]:
    """Return the bills of the second *lookups* of *trace*, whatever was kept of the first."""
    half = min(lookups, len(trace) // 2)
    day, measured = trace[:half], trace[half : 2 * half]
    found = [await without(measured)]
    with tempfile.TemporaryDirectory() as folder:
        found.append(await cold(measured, Path(folder)))
    for top in (0, most):
        with tempfile.TemporaryDirectory() as folder:
            found.append(await restarted(day, measured, Path(folder), top))
    return found


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; return 1 where the warmed gateway costs more than the cold one."""
    parser = argparse.ArgumentParser(prog="python -m bench savings", description=__doc__)
    parser.add_argument("--trace", type=Path, nargs="*", default=from_environment())
    parser.add_argument("--lookups", type=int, default=LOOKUPS)
    parser.add_argument("--top", type=int, default=TOP)
    asked = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    traces = {path.name.split(".")[0]: read_trace(path) for path in asked.trace}
    traces = traces or {"Zipf, 5,000 names": zipf(5_000, 2 * asked.lookups)}
    sys.stdout.write(
        f"A call costs ${CALL:g}, a summary ${SUMMARY:g}, by a batch {BATCH:.0%} of it\n\n"
        "| trace | | lookups | from memory | waited for upstream | calls | summaries | bill "
        "| saved |\n|---|---|---|---|---|---|---|---|---|\n"
    )
    well = True
    for name, trace in traces.items():
        rows = asyncio.run(bills(trace, asked.lookups, asked.top))
        sys.stdout.writelines(_row(name, bill, rows[0]) for bill in rows)
        well = well and rows[-1].waited <= rows[1].waited
    return 0 if well else 1


def _row(trace: str, bill: Bill, most: Bill) -> str:
    shares = f"{bill.memory / bill.lookups:.1%} | {bill.waited / bill.lookups:.1%}"
    cells = f"{bill.lookups} | {shares} | {bill.calls} | {bill.summaries} | ${bill.usd:.2f}"
    return f"| {trace} | {bill.name} | {cells} | {1 - bill.usd / most.usd:.0%} |\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
