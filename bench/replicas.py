"""What replicas share, measured: hits of the database beside SQLAlchemy Core, writes behind the
answer, and how soon a withdrawal is seen by all. One run; only ratios are worth comparing.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from sqlalchemy import bindparam, column, make_url, select, table
from sqlalchemy.ext.asyncio import create_async_engine

from bench import written
from bench.redis import TASKS, Rate, make_entry, rate
from gateway.config.invalidation import InvalidationSpec
from gateway.events import Events
from gateway.invalidations import Follower, Invalidations
from storage.database import DatabaseTier, open_database
from storage.doorbell import Doorbell, open_doorbell
from storage.invalidation import InvalidationLog
from storage.postgres import Postgres
from storage.replicas import Replicas
from storage.sqlite import Sqlite
from storage.tiers import Tiers
from storage.withdrawals import SHARED, Scope
from tests.servers.postgres import Server, postgres
from tests.servers.valkey import Valkey, valkey

REPLICAS = 3
SQLITE, POSTGRES = "SQLite", "PostgreSQL"
BELL, POLL = "doorbell", "poll alone"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it takes."""

    seconds: float = 1.0
    rounds: int = 3
    keys: int = 1000
    written: written.Plan = written.FULL
    withdrawals: int = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured."""

    hits: Mapping[str, tuple[float, float]]
    """By database: those of SQLAlchemy Core and of the tier, each second."""
    written: Mapping[str, Rate]
    seen: Mapping[str, tuple[float, float]]
    """How soon a withdrawal was, by what tells of it: the median and the most, in ms."""


QUICK = Plan(seconds=0.1, rounds=1, keys=50, written=written.QUICK, withdrawals=2)


class Silent:
    """A doorbell that nobody hears."""

    async def ring(self, position: int) -> None:
        """Make no sound."""

    async def wait(self, within: float) -> None:
        """Wait for the poll."""
        await asyncio.sleep(within)

    async def close(self) -> None:
        """There is nothing to close."""


async def measure(plan: Plan, server: Server, redis: Valkey, folder: Path) -> Outcome:
    """Return the figures."""
    sqlite = f"sqlite+aiosqlite:///{folder / 'bench.db'}"
    hits = {
        name: await _hits(plan, url)
        for name, url in ((SQLITE, sqlite), (POSTGRES, await server.new_database()))
    }
    rates = await written.measure(plan.written, server, redis)
    url = await server.new_database()
    bells: tuple[tuple[str, Callable[[Sqlite | Postgres], Doorbell], int], ...] = (
        (BELL, open_doorbell, plan.withdrawals),
        (POLL, lambda _: Silent(), max(2, plan.withdrawals // 4)),
    )
    seen: dict[str, tuple[float, float]] = {}
    for name, bell, count in bells:
        times = [each * 1000 for each in await _seen(url, bell, count)]
        seen[name] = statistics.median(times), max(times)
    return Outcome(hits, rates, seen)


def report(outcome: Outcome) -> list[str]:
    """Return the lines of the tables."""
    lines = [f"{f'Database hit, {TASKS} tasks, 2 KB':<36}{'each s':>10}{'ratio':>8}"]
    for name, (core, tier) in outcome.hits.items():
        lines.append(f"{f'{name}, SQLAlchemy Core':<36}{core:>10.0f}{1:>8.2f}")
        lines.append(f"{f'{name}, database tier':<36}{tier:>10.0f}{tier / core:>8.2f}")
    lines += ["", *written.report(outcome.written), ""]
    for name, (middle, most) in outcome.seen.items():
        lines.append(
            f"{f'Withdrawal seen by {REPLICAS}, {name}':<36}{middle:>7.1f} ms median"
            f"{most:>9.1f} ms at most"
        )
    return lines


async def _hits(plan: Plan, url: str) -> tuple[float, float]:
    """Return the hits a second of SQLAlchemy Core and of the tier, medians of turns."""
    tier = await open_database(url)
    entries = [make_entry(number) for number in range(plan.keys)]
    await asyncio.gather(*(tier.put(entry) for entry in entries))
    engine = create_async_engine(make_url(url))
    rows = table("entries", column("key"), column("wire"))
    statement = select(rows.c.wire).where(rows.c.key == bindparam("key"))

    async def plain(key: str) -> object:
        async with engine.connect() as connection:
            return (await connection.execute(statement, {"key": key})).scalar_one()

    keys = [entry.key for entry in entries]
    asks: Sequence[Callable[[str], Awaitable[object]]] = (plain, tier.get)
    rates = [[await rate(ask, keys, plan.seconds) for ask in asks] for _ in range(plan.rounds)]
    await engine.dispose()
    await tier.close()
    core, ours = zip(*rates, strict=True)
    return median(core), median(ours)


def median(rates: Sequence[Rate]) -> float:
    """Return the middle of how many a second."""
    return statistics.median(each.each_second for each in rates)


async def _seen(url: str, bell: Callable[[Sqlite | Postgres], Doorbell], count: int) -> list[float]:
    """Return the seconds from each withdrawal's begin until every replica has applied it."""
    tiers: list[DatabaseTier] = [await open_database(url) for _ in range(REPLICAS)]
    replicas = [_replica(tier, bell(tier.database)) for tier in tiers]
    seen = []
    async with asyncio.TaskGroup() as group:
        ready = [asyncio.Event() for _ in replicas]
        done = asyncio.Event()
        for (each, _), event in zip(replicas, ready, strict=True):
            group.create_task(_follow(each, event, done))
        for event in ready:
            await event.wait()
        await asyncio.sleep(0.2)
        for number in range(count):
            started = time.perf_counter()
            scope = Scope("tag", SHARED, value=str(number))
            position = (await replicas[0][0].withdraw(scope, wait=False)).position
            while any(each.withdrawals.position < position for _, each in replicas):
                await asyncio.sleep(0.0005)
            seen.append(time.perf_counter() - started)
        done.set()
    for tier in tiers:
        await tier.close()
    return seen


async def _follow(each: Invalidations, ready: asyncio.Event, done: asyncio.Event) -> None:
    async with each.following():
        ready.set()
        await done.wait()


def _replica(tier: DatabaseTier, bell: Doorbell) -> tuple[Invalidations, Tiers]:
    tiers = Tiers([tier], lambda *_: None)
    follower = Follower(
        log=InvalidationLog(tier.database),
        replicas=Replicas(tier.database),
        tiers=tiers,
        doorbell=bell,
        events=Events(),
        settings=InvalidationSpec(),
    )
    return Invalidations(follower), tiers


def main(arguments: Sequence[str] = ()) -> int:
    """Print the tables."""
    plan = QUICK if "--quick" in arguments else Plan()
    with postgres() as server, valkey() as redis, tempfile.TemporaryDirectory() as folder:
        lines = report(uvloop.run(measure(plan, server, redis, Path(folder))))
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
