"""The tiers below memory beside their targets: Redis, the database, withdrawals and what is written
behind the answer, each against a bare client of the same library.

``python -m bench tiers [--quick]``: one run, in turns, in minutes; only ratios are worth comparing.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import uvloop

from bench import redis, replicas, written
from gateway.collection import settle
from tests.servers.postgres import postgres
from tests.servers.valkey import valkey


class Row(NamedTuple):
    """What is wanted of something, and what it has reached."""

    what: str
    wanted: str
    reached: str
    well: bool
    command: str
    """Which bench of its own shows it, with more beside it."""


def rows(hits: redis.Outcome, shared: replicas.Outcome) -> list[Row]:
    """Return the table."""
    return [*_of_redis(hits), *_of_databases(shared), *_of_withdrawals(shared), _of_writes(shared)]


def report(table: Sequence[Row]) -> str:
    """Return *table* as Markdown."""
    lines = ["| what | wanted | reached | `python -m bench` |", "|---|---|---|---|"]
    for row in table:
        short = "" if row.well else ", short of it"
        lines.append(f"| {row.what} | {row.wanted} | {row.reached}{short} | `{row.command}` |")
    return "\n".join(lines)


def _of_redis(hits: redis.Outcome) -> list[Row]:
    quicker = hits.tier.each_second / hits.plain.each_second
    cheaper = hits.plain.cpu_us / hits.tier.cpu_us
    rise = hits.frozen_p99 - hits.without_p99
    more = hits.freezing_most - hits.without_most
    return [
        Row(
            f"Redis hits at once, {redis.TASKS} tasks, against plain awaited GETs",
            "at least 5 ×",
            f"{quicker:.1f} ×; for the same processor time {cheaper:.1f} ×",
            quicker >= 5,
            "redis",
        ),
        Row(
            "Redis frozen and known to be: p99 of lookups",
            "rises by less than 5 ms",
            f"{rise:.1f} ms ({hits.without_p99:.1f} to {hits.frozen_p99:.1f})",
            rise < 5,
            "redis",
        ),
        Row(
            "Redis frozen meanwhile: the slowest lookup",
            "at most 100 ms more",
            f"{more:.0f} ms ({hits.without_most:.0f} to {hits.freezing_most:.0f})",
            more <= 100,
            "redis",
        ),
    ]


def _of_databases(shared: replicas.Outcome) -> list[Row]:
    return [
        Row(
            f"{name} hits against SQLAlchemy Core",
            "at least 2 ×",
            f"{tier / core:.1f} ×",
            tier >= 2 * core,
            "replicas",
        )
        for name, (core, tier) in shared.hits.items()
    ]


def _of_withdrawals(shared: replicas.Outcome) -> list[Row]:
    table = []
    for name, most in ((replicas.BELL, 20), (replicas.POLL, 1500)):
        median = shared.seen[name][0]
        what = f"a withdrawal seen by {replicas.REPLICAS} replicas, {name}"
        wanted = f"under {most:,} ms at the median"
        table.append(Row(what, wanted, f"{median:,.0f} ms", median < most, "replicas"))
    return table


def _of_writes(shared: replicas.Outcome) -> Row:
    bare, ours = shared.written[written.BARE], shared.written[written.BEHIND]
    ratio = ours.each_second / bare.each_second
    return Row(
        "entries written behind to PostgreSQL",
        "at least 20,000 a second",
        f"{ours.each_second:,.0f}; {ratio:.2f} × asyncpg alone",
        ours.each_second >= 20_000,
        "written",
    )


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table of the targets, and before it those that it is made from."""
    quick = "--quick" in arguments
    hits = redis.run(redis.QUICK if quick else redis.Plan())
    settle()  # as the gateway itself does
    plan = replicas.QUICK if quick else replicas.Plan()
    with postgres() as server, valkey() as cache, tempfile.TemporaryDirectory() as folder:
        shared = uvloop.run(replicas.measure(plan, server, cache, Path(folder)))
    parts = [redis.report(hits), "", *replicas.report(shared), "", report(rows(hits, shared))]
    parts.append(f"load average {os.getloadavg()[0]:.1f}")
    sys.stdout.write("\n".join(parts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
