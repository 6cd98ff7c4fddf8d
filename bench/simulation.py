"""Many seeds of the simulation of `tests.simulation`, on all cores; any fault is printed.

``python -m bench simulation [--seeds 10000] [--first 0]``
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.simulation.broken import BROKEN
from tests.simulation.world import Report, simulate

SEEDS = 10_000
CHUNK = 100
HUNT = 1_000
"""Within so many seeds each broken rule must be found."""


@dataclass(frozen=True, slots=True)
class Played:
    """What many seeds showed."""

    seeds: int
    calls: int
    outcomes: Counter[str]
    faults: tuple[str, ...]


def play(first: int, count: int) -> Played:
    """Play *count* seeds from *first* on, in this process."""
    reports: list[Report] = [simulate(seed) for seed in range(first, first + count)]
    return Played(
        len(reports),
        sum(report.calls for report in reports),
        sum((report.outcomes for report in reports), Counter()),
        tuple(fault for report in reports for fault in report.faults),
    )


def play_all(first: int, seeds: int) -> Played:
    """Play *seeds* on all cores."""
    starts = range(first, first + seeds, CHUNK)
    sizes = [min(CHUNK, first + seeds - start) for start in starts]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(play, starts, sizes))
    return Played(
        sum(part.seeds for part in parts),
        sum(part.calls for part in parts),
        sum((part.outcomes for part in parts), Counter()),
        tuple(fault for part in parts for fault in part.faults),
    )


def seeds_until_found(what: str) -> int:
    """Return how many seeds it takes to find the broken rule *what*; 0: `HUNT` were too few."""
    rule, build = BROKEN[what]
    for seed in range(HUNT):
        if any(fault.startswith(f"{rule}:") for fault in simulate(seed, build).faults):
            return seed + 1
    return 0


def main(arguments: Sequence[str] = ()) -> int:
    """Print what was played and found; return 1 when a rule was broken or a broken one missed."""
    parser = argparse.ArgumentParser(prog="python -m bench simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args(arguments)
    began = time.perf_counter()
    played = play_all(asked.first, asked.seeds)
    seconds = time.perf_counter() - began
    say = sys.stdout.write
    say(f"{played.seeds} seeds in {seconds:.0f} s: {played.calls} upstream calls\n")
    say("answers and errors: " + ", ".join(f"{n} {c}" for n, c in played.outcomes.most_common()))
    say(f"\nrules broken: {len(played.faults)}\n")
    for fault in played.faults[:20]:
        say(f"  {fault}\n")
    found = {what: seeds_until_found(what) for what in BROKEN}
    say("\n| broken on purpose | found by the oracle | after seeds |\n|---|---|---|\n")
    for what, seeds in found.items():
        say(f"| {what} | {BROKEN[what][0]} | {seeds or 'never'} |\n")
    return 1 if played.faults or not all(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
