"""A bulk run of 10,000 lookups beside callers of the same source, and the callers alone.

``python -m bench bulk``. Callers' hits and misses come at their own pace, whoever waits; in turn
with nothing else to do and while a batch runs. The upstream takes 50 ms for a call and bulk work
leaves a fifth of its permits to callers (``limits.reserve``).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import orjson

from bench import hits
from bench.arrivals import Kind, Outcome, Plan

LOOKUPS = 10_000
DELAY = 0.05
"""Seconds of a call upstream."""
PERMITS = 20
KEYS = 100
HITS_EACH_SECOND, MISSES_EACH_SECOND = 100.0, 20.0
TARGET = 1.2


@dataclass(frozen=True, slots=True)
class Beside:
    """What came of callers alone and beside a batch, a pair for each round."""

    pairs: list[tuple[Outcome, Outcome]]
    done: int
    """Lookups of the batch that were done while callers were measured beside it."""
    seconds: float
    """How long those callers were measured for."""

    def ratio(self, kind: str) -> float:
        """Return the median of what the batch makes of the 99th percentile of *kind*."""
        return statistics.median(
            of(beside, kind).p99 / of(alone, kind).p99 for alone, beside in self.pairs
        )


def of(outcome: Outcome, kind: str) -> Kind:
    return outcome.hits if kind == "hits" else outcome.misses


def run(lookups: int = LOOKUPS, rounds: int = 3, seconds: float = 5.0) -> Beside:
    """Measure callers alone and beside a batch, in turn; each round has a batch of its own."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = stack.enter_context(slow())
        document = configuration(folder / "bulk.yaml", upstream)
        _, port = stack.enter_context(hits.running(folder / "bulk.yaml", document))
        base = f"http://127.0.0.1:{port}"
        kept = [f"/v1/search?source=bench&q=kept+{number}" for number in range(KEYS)]
        for target in kept:
            urllib.request.urlopen(base + target).close()
        pairs, done, measured = [], 0, 0.0
        for number in range(rounds):
            alone = callers(port, kept, seconds)
            batch = submit(base, lookups // rounds, number)
            beside = callers(port, kept, seconds)
            told = progress(base, batch)
            done, measured = done + told["done"], measured + seconds
            pairs.append((alone, beside))
            while told["waiting"]:
                time.sleep(0.2)
                told = progress(base, batch)
            if told["failed"]:
                raise RuntimeError(f"{told['failed']} lookups of a batch failed")
        return Beside(pairs, done, measured)


def configuration(path: Path, upstream: int) -> dict[str, Any]:
    """Return that of the other benches, with the permits of this one."""
    document: dict[str, Any] = hits.configuration(path, "256MiB", upstream)
    document["sources"]["bench"]["limits"] = {"concurrency": PERMITS}
    document["batches"] = {"concurrency": PERMITS}
    return document


@contextlib.contextmanager
def slow() -> Any:
    """Run the upstream, which takes its time; yield its port."""
    command = [sys.executable, "-m", "bench.bare", str(DELAY)]
    process = subprocess.Popen(command, cwd=hits.ROOT, stdout=subprocess.PIPE)
    with hits.ended(process):
        assert process.stdout is not None
        yield int(process.stdout.readline())


def callers(port: int, kept: list[str], seconds: float) -> Outcome:
    """Let callers come for so many seconds."""
    cores = sorted(os.sched_getaffinity(0))
    plan = Plan(
        port=port,
        hit=kept,
        miss="/v1/search?source=bench&q=cold+{}",
        hits=HITS_EACH_SECOND,
        misses=MISSES_EACH_SECOND,
        seconds=seconds,
        first=time.time_ns() // 1000,
        connections=100,
        core=cores[-1] if len(cores) > 1 else None,
    )
    command = [sys.executable, "-m", "bench.arrivals"]
    done = subprocess.run(
        command,
        input=msgspec.json.encode(plan),
        stdout=subprocess.PIPE,
        cwd=hits.ROOT,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Outcome)


def submit(base: str, lookups: int, number: int) -> str:
    """Ask for a batch of things that nobody has asked for; return its path."""
    items = [{"source": "bench", "q": f"bulk {number} {each}"} for each in range(lookups)]
    request = urllib.request.Request(f"{base}/v1/batches", orjson.dumps(items), method="POST")
    with urllib.request.urlopen(request) as answer:
        return f"/v1/batches/{orjson.loads(answer.read())['id']}"


def progress(base: str, batch: str) -> dict[str, Any]:
    with urllib.request.urlopen(base + batch) as answer:
        told: dict[str, Any] = orjson.loads(answer.read())
        return told


def report(found: Beside) -> str:
    """Return the table, medians of all rounds."""
    lines = [
        f"callers beside a bulk run of {found.done / found.seconds:.0f} lookups/s, upstream "
        f"{DELAY * 1e3:g} ms, {HITS_EACH_SECOND:g} hits/s and {MISSES_EACH_SECOND:g} misses/s",
        f"{'':<8}{'alone p50 ms':>14}{'p99':>8}{'beside p50 ms':>15}{'p99':>8}"
        f"{'p99 ratio':>11}{'target':>8}{'served':>8}",
    ]
    for kind in ("hits", "misses"):
        alone = [of(pair[0], kind) for pair in found.pairs]
        beside = [of(pair[1], kind) for pair in found.pairs]
        figures = [
            statistics.median(getattr(each, name) for each in side)
            for side in (alone, beside)
            for name in ("p50", "p99")
        ]
        served = sum(each.served for each in beside) / sum(each.asked for each in beside)
        lines.append(
            f"{kind:<8}{figures[0]:>14.1f}{figures[1]:>8.1f}{figures[2]:>15.1f}{figures[3]:>8.1f}"
            f"{found.ratio(kind):>11.2f}{TARGET:>8g}{served:>8.1%}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench bulk", description=__doc__)
    parser.add_argument("--lookups", type=int, default=LOOKUPS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args(arguments)
    sys.stdout.write(report(run(options.lookups, options.rounds, options.seconds)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
