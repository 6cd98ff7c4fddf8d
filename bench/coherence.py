"""Thousands of rounds of the coherence checker: what does a replica serve while servers are cut
off, paused, emptied, killed and started again? Nothing that was withdrawn, or this fails.

The replicas are ``python -m gateway serve``, which are killed and stopped too; with
``--in-process`` they are gateways in this process, whose rounds are many times quicker.

``python -m bench coherence [--rounds 2000] [--in-process] [--replicas 3] [--fleets 2] [--seed 1]
[--killing 50] [--within 3600]``
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

from tests.coherence.checker import Report
from tests.coherence.replicas import as_processes, in_this_process
from tests.coherence.rounds import run
from tests.coherence.world import Plan, World
from tests.servers.postgres import postgres, replica_of
from tests.servers.valkey import valkey

TOLD_EVERY = 5.0
"""Seconds between two lines of progress."""


def main(arguments: Sequence[str] = ()) -> int:
    """Print what was done; return 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m bench coherence", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--in-process", action="store_true", help="replicas in this process")
    parser.add_argument("--replicas", type=int, default=3, help="of each fleet")
    parser.add_argument("--fleets", type=int, default=2, help="side by side")
    parser.add_argument("--within", type=float, default=3600, help="seconds, and no round more")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--killing", type=int, default=50, help="a server every so many rounds")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    plan = Plan(
        rounds=options.rounds,
        seed=options.seed,
        within=options.within,
        opening=in_this_process if options.in_process else as_processes,
        replicas=options.replicas,
        fleets=options.fleets,
        killing=options.killing,
    )
    report = uvloop.run(_run(plan, _progress(plan)))
    sys.stdout.write(written(report, time.perf_counter() - started) + "\n")
    return 1 if report.violations else 0


def written(report: Report, seconds: float) -> str:
    """Return *report* as lines."""
    faults = ", ".join(f"{name} {count}" for name, count in sorted(report.faults.items()))
    return "\n".join(
        (
            f"{report.rounds} rounds in {seconds:.0f} s: {report.lookups} lookups,"
            f" {report.withdrawals} withdrawals, {report.refused} of them not acknowledged;"
            f" the upstream's calls counted {report.counted} times",
            f"what befell: {faults}",
            *(report.violations or ("nothing was found",)),
        )
    )


def _progress(plan: Plan) -> Callable[[Report], None]:
    """Return what tells how far a run has come, now and then."""
    started = told = time.perf_counter()

    def tell(report: Report) -> None:
        nonlocal told
        now = time.perf_counter()
        if now - told >= TOLD_EVERY:
            told = now
            sys.stderr.write(
                f"{report.rounds} of {plan.rounds} rounds after {now - started:.0f} s,"
                f" {len(report.violations)} violations\n"
            )

    return tell


async def _run(plan: Plan, tell: Callable[[Report], None]) -> Report:
    with (
        postgres() as database,
        replica_of(database) as standby,
        valkey() as redis,
        tempfile.TemporaryDirectory() as folder,
    ):
        return await run(World(redis, database, standby), Path(folder), plan, tell)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
