"""Thousands of rounds of the coherence checker: what does a replica serve while servers are cut
off, paused, emptied, killed and started again? Nothing that was withdrawn, or this fails.

``python -m bench coherence [--rounds 2000] [--seed 1] [--killing 20]``
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.coherence.checker import Report
from tests.coherence.world import Plan, World, run
from tests.servers.postgres import postgres
from tests.servers.valkey import valkey


def main(arguments: Sequence[str] = ()) -> int:
    """Print what was done; return 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m bench coherence", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--killing", type=int, default=20, help="a server every so many rounds")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    plan = Plan(options.rounds, seed=options.seed, killing=options.killing)
    report = asyncio.run(_run(plan))
    sys.stdout.write(written(report, time.perf_counter() - started) + "\n")
    return 1 if report.violations else 0


def written(report: Report, seconds: float) -> str:
    """Return *report* as lines."""
    faults = ", ".join(f"{name} {count}" for name, count in sorted(report.faults.items()))
    return "\n".join(
        (
            f"{report.rounds} rounds in {seconds:.0f} s: {report.lookups} lookups,"
            f" {report.withdrawals} withdrawals, {report.refused} of them not acknowledged",
            f"what befell: {faults}",
            *(report.violations or ("nothing was found",)),
        )
    )


async def _run(plan: Plan) -> Report:
    with postgres() as database, valkey() as redis, tempfile.TemporaryDirectory() as folder:
        url = await database.new_database()
        return await run(World(redis, database, url), Path(folder), plan)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
