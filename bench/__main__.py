"""``python -m bench [--quick]``: one run, its tables; only ratios are worth comparing.

``python -m bench NAME [...]`` runs one of `NAMED` with arguments of its own.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from bench import bulk, hits, mapping, names, overload, redis, stream

NAMED = (
    "bulk",
    "caching_libraries",
    "coherence",
    "crowd",
    "differential",
    "fetch_instructions",
    "hitpath",
    "instructions",
    "lower",
    "memory",
    "miss_instructions",
    "misses",
    "eviction",
    "growth",
    "heavy_hitters",
    "names",
    "observability",
    "overload",
    "popularity",
    "redis",
    "replicas",
    "savings",
    "shapes",
    "simulation",
    "soak",
    "tiers",
    "written",
)
STREAMS = 100
"""Streams that are measured of each kind."""


def main() -> int:
    """Print the tables; return 1 when a request failed."""
    if sys.argv[1:2] and sys.argv[1] in NAMED:
        status: int = importlib.import_module(f"bench.{sys.argv[1]}").main(sys.argv[2:])
        return status
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that it works; a few seconds")
    quick = parser.parse_args().quick
    plan = hits.QUICK if quick else hits.Plan()
    sys.stdout.write(
        f"One process each, {hits.CONNECTIONS} connections, answers of 2 KB, "
        f"{plan.rounds} rounds of {plan.seconds:g} s in turn, medians\n"
    )
    targets = hits.run(plan)
    sys.stdout.write(hits.report(targets) + "\n\n")
    mapping.main(3 if quick else 30)
    sys.stdout.write("\n")
    redis.main(["--quick"] if quick else [])
    if not quick:
        stream.main(STREAMS)
        names.main()
        overload.main()
        bulk.main()
    return 1 if any(target.failed for target in targets) else 0


if __name__ == "__main__":
    sys.exit(main())
