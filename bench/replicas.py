"""What replicas share, measured: hits of the database beside SQLAlchemy Core, writes behind the
answer, and how soon a withdrawal is seen by all. One run; only ratios are worth comparing.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it takes."""

    seconds: float = 1.0
    rounds: int = 3
    keys: int = 1000
    written: written.Plan = written.FULL
    withdrawals: int = 20


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


async def measure(plan: Plan, server: Server, redis: Valkey, folder: Path) -> list[str]:
    """Return the lines of the tables."""
    lines = [f"{f'Database hit, {TASKS} tasks, 2 KB':<36}{'each s':>10}{'ratio':>8}"]
    sqlite = f"sqlite+aiosqlite:///{folder / 'bench.db'}"
    for name, url in (("SQLite", sqlite), ("PostgreSQL", await server.new_database())):
        core, tier = await _hits(plan, url)
        lines.append(f"{f'{name}, SQLAlchemy Core':<36}{core:>10.0f}{1:>8.2f}")
        lines.append(f"{f'{name}, database tier':<36}{tier:>10.0f}{tier / core:>8.2f}")
    lines += ["", *written.report(await written.measure(plan.written, server, redis)), ""]
    url = await server.new_database()
    bells: tuple[tuple[str, Callable[[Sqlite | Postgres], Doorbell]], ...] = (
        ("doorbell", open_doorbell),
        ("poll alone", lambda _: Silent()),
    )
    for name, bell in bells:
        count = plan.withdrawals if name == "doorbell" else max(2, plan.withdrawals // 4)
        seen = [each * 1000 for each in await _seen(url, bell, count)]
        middle, most = statistics.median(seen), max(seen)
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
        lines = asyncio.run(measure(plan, server, redis, Path(folder)))
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
