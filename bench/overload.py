"""Twice the load that one process can serve, with and without shedding: ``make bench``.

The capacity is measured first. Then misses come at twice their capacity, and a few hits between
them, at their own pace: nobody waits for an answer before the next request is sent.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench import hits
from bench.arrivals import Outcome, Plan

KEYS = 100
HITS_EACH_SECOND = 100.0
TIMES = 2.0
"""The load beside the capacity."""


@dataclass(frozen=True, slots=True)
class Overload:
    """One row of the table."""

    name: str
    outcome: Outcome


def run(seconds: float = 5.0, measuring: float = 2.0) -> tuple[float, list[Overload]]:
    """Return the capacity in misses each second, and what came of both."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _, upstream = stack.enter_context(hits.bare())
        rows, capacity = [], 0.0
        for name, delay in (("without shedding", "0"), ("with shedding", "250ms")):
            path = folder / f"{delay}.yaml"
            with hits.running(path, _document(path, delay, upstream)) as (_, port):
                targets = [f"/v1/search?source=bench&q=name+{n}" for n in range(KEYS)]
                _fill(hits.Target("hits", 0, port, targets))
                cold = hits.Target("miss", 0, port, ["/v1/search?source=bench&q=cold+{}"])
                if not capacity:
                    done = hits.load(cold, hits.CONNECTIONS, measuring)
                    capacity = done.requests / done.seconds
                rows.append(Overload(name, _flood(port, targets, capacity, seconds)))
        return capacity, rows


def report(capacity: float, rows: list[Overload]) -> str:
    """Return the table."""
    lines = [
        f"misses at {TIMES:g} times the capacity of {capacity:.0f}/s, "
        f"{HITS_EACH_SECOND:g} hits/s between them",
        f"{'':<18}{'hits served':>12}{'p50 ms':>8}{'p99 ms':>8}"
        f"{'misses served':>15}{'p50 ms':>8}{'p99 ms':>8}{'refused':>9}{'p99 ms':>8}",
    ]
    for row in rows:
        hit, miss = row.outcome.hits, row.outcome.misses
        lines.append(
            f"{row.name:<18}{hit.served / hit.asked:>12.1%}{hit.p50:>8.0f}{hit.p99:>8.0f}"
            f"{miss.served / miss.asked:>15.1%}{miss.p50:>8.0f}{miss.p99:>8.0f}"
            f"{miss.shed / miss.asked:>9.1%}{miss.shed_p99:>8.0f}"
        )
    return "\n".join(lines)


def _flood(port: int, targets: list[str], capacity: float, seconds: float) -> Outcome:
    cores = sorted(os.sched_getaffinity(0))
    plan = Plan(
        port=port,
        hit=targets,
        miss="/v1/search?source=bench&q=flood+{}",
        hits=HITS_EACH_SECOND,
        misses=TIMES * capacity,
        seconds=seconds,
        first=time.time_ns() // 1000,
        core=cores[-1] if len(cores) > 1 else None,
    )
    done = subprocess.run(
        [sys.executable, "-m", "bench.arrivals"],
        input=msgspec.json.encode(plan),
        stdout=subprocess.PIPE,
        cwd=hits.ROOT,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Outcome)


def _document(path: Path, delay: str, upstream: int) -> dict[str, object]:
    return {**hits.configuration(path, "256MiB", upstream), "shedding": {"delay": delay}}


def _fill(target: hits.Target) -> None:
    """Ask until every key was asked three times in one round: then it is answered from bytes."""
    seconds = 0.2
    while hits.load(target, hits.CONNECTIONS, seconds).requests < 3 * KEYS:
        seconds *= 2


def main(arguments: Sequence[str] = ()) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    sys.stdout.write(report(*run(parser.parse_args(arguments).seconds)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
