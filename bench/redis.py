"""Redis: hits of the tier beside plain awaited GETs of the same library, and lookups while it is
frozen beside lookups without it. One process, one run; only ratios are worth comparing.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson
import uvloop
from redis.asyncio import Redis

from storage.database import open_database
from storage.entry import Entry, Part, encode
from storage.memory import MemoryTier
from storage.redis import RedisTier, make_redis
from storage.tiers import Tiers
from tests.servers.valkey import Valkey, valkey

TASKS = 50
TIMEOUT = 0.05
PATIENT = 5.0
"""Seconds: how quickly is asked, and not whether it is there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it takes."""

    rounds: int = 20
    """Of a quarter of *seconds* each, in turn."""
    seconds: float = 1.0
    keys: int = 1000


QUICK = Plan(rounds=1, seconds=0.2, keys=50)


class Rate(NamedTuple):
    """How quickly, and what it costs."""

    each_second: float
    cpu_us: float
    """For one, of this process: moves less with the load of the machine."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured; times in milliseconds."""

    plain: Rate
    """Of bare GETs."""
    tier: Rate
    """Of entries, unpacked and decoded."""
    without_p99: float
    frozen_p99: float
    """Once Redis is known to be away."""
    freezing_most: float
    """The slowest lookup of those that met the freeze."""
    without_most: float


def run(plan: Plan) -> Outcome:
    """Measure against a server of its own."""
    with valkey() as server, tempfile.TemporaryDirectory() as folder:
        return uvloop.run(_measure(plan, server, Path(folder)))


def report(outcome: Outcome) -> str:
    """Return the two tables."""
    plain, tier = outcome.plain, outcome.tier
    quicker = tier.each_second / plain.each_second
    return "\n".join(
        (
            f"{f'Redis hit, {TASKS} tasks, 2 KB':<32}{'each s':>9}{'ratio':>7}"
            f"{'CPU us each':>13}{'ratio':>7}",
            f"{'plain awaited GET':<32}{plain.each_second:>9.0f}{1:>7.2f}"
            f"{plain.cpu_us:>13.1f}{1:>7.2f}",
            f"{'redis tier, entry decoded':<32}{tier.each_second:>9.0f}{quicker:>7.2f}"
            f"{tier.cpu_us:>13.1f}{tier.cpu_us / plain.cpu_us:>7.2f}",
            "",
            f"{f'Database hits, {TASKS} tasks':<32}{'p99 ms':>9}{'slowest ms':>12}",
            f"{'without Redis':<32}{outcome.without_p99:>9.2f}{outcome.without_most:>12.1f}",
            f"{'Redis frozen meanwhile':<32}{'':>9}{outcome.freezing_most:>12.1f}",
            f"{'Redis frozen and known to be':<32}{outcome.frozen_p99:>9.2f}",
        )
    )


def main(arguments: Sequence[str] = ()) -> int:
    """Print both tables."""
    sys.stdout.write(report(run(QUICK if "--quick" in arguments else Plan())) + "\n")
    return 0


async def _measure(plan: Plan, server: Valkey, folder: Path) -> Outcome:
    entries = [make_entry(number) for number in range(plan.keys)]
    plain, tier = await _throughput(plan, server, entries)
    url = f"sqlite+aiosqlite:///{folder / 'bench.db'}"
    bare = Tiers([MemoryTier(0), await open_database(url)], lambda *_: None)
    await asyncio.gather(*(bare.put(entry) for entry in entries))
    without = await _latencies(bare, entries, plan.seconds)
    await bare.close()
    redis = _tier(server, TIMEOUT)
    tiers = Tiers([MemoryTier(0), redis, await open_database(url)], lambda *_: None)
    await _latencies(tiers, entries, plan.seconds / 5)
    freezing = asyncio.create_task(_latencies(tiers, entries, plan.seconds))
    await asyncio.sleep(plan.seconds / 10)
    server.freeze()
    met = await freezing
    away = await _latencies(tiers, entries, plan.seconds)
    server.thaw()
    await tiers.close()
    return Outcome(plain, tier, _p99(without), _p99(away), max(met), max(without))


async def _throughput(plan: Plan, server: Valkey, entries: list[Entry]) -> tuple[Rate, Rate]:
    client, tier = Redis(port=server.port), _tier(server, PATIENT)
    for entry in entries:
        await client.set(f"plain:{entry.key}", encode(entry))
        await tier.put(entry)
    keys = [entry.key for entry in entries]
    plain: list[Rate] = []
    ours: list[Rate] = []
    for _ in range(plan.rounds):
        plain.append(await rate(lambda key: client.get(f"plain:{key}"), keys, plan.seconds / 4))
        ours.append(await rate(tier.get, keys, plan.seconds / 4))
    await client.aclose()
    await tier.close()
    return _median(plain), _median(ours)


def _median(rates: list[Rate]) -> Rate:
    return Rate(*(statistics.median(column) for column in zip(*rates, strict=True)))


async def rate(get: Callable[[str], Awaitable[object]], keys: list[str], seconds: float) -> Rate:
    """Return how often `TASKS` tasks *get* any of *keys* in *seconds*: each once at least."""
    done, started, spent = 0, time.perf_counter(), time.process_time()
    end = started + seconds

    async def work(choice: random.Random) -> None:
        nonlocal done
        while True:
            assert await get(choice.choice(keys)) is not None
            done += 1
            if time.perf_counter() >= end:
                return

    await asyncio.gather(*(work(random.Random(number)) for number in range(TASKS)))
    spent = time.process_time() - spent
    return Rate(done / (time.perf_counter() - started), spent / done * 1e6)


async def _latencies(tiers: Tiers, entries: list[Entry], seconds: float) -> list[float]:
    """Return how long each lookup took, in ms, of `TASKS` tasks that pause between lookups."""
    end, took = time.perf_counter() + seconds, list[float]()

    async def work(choice: random.Random) -> None:
        while True:
            started = time.perf_counter()
            assert await tiers.find(choice.choice(entries).key) is not None
            took.append((time.perf_counter() - started) * 1000)
            if time.perf_counter() >= end:
                return
            await asyncio.sleep(choice.random() * 0.02)

    await asyncio.gather(*(work(random.Random(number)) for number in range(TASKS)))
    return took


def _tier(server: Valkey, timeout: float) -> RedisTier:
    return make_redis(server.url, prefix="bench:", timeout=timeout, on_change=lambda *_: None)


def make_entry(number: int) -> Entry:
    """Return an entry of some 2 KB."""
    items = [
        {
            "id": f"{number:06}{n}",
            "name": f"name {number}-{n}",
            "use": f"Is used against pain number {random.Random(number).random()}, and for fever. "
            * 4,
            "summary": None,
        }
        for n in range(6)
    ]
    body = b'"total":6,"items":' + orjson.dumps(items) + b',"as_of":"2026-11-21T10:00:00Z"'
    return Entry(
        key=f"v1:public:bench:{number:064x}",
        source="bench",
        head=b'"source":"bench","query":"name","keyword":null',
        records=Part(body, time.time(), 0.1, f"{number:064x}"),
        summary=None,
        empty=False,
        keep_until=4e9,
    )


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
