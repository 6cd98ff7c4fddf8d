"""Writes behind the answer to PostgreSQL beside asyncpg alone, which upserts the same rows into the
same table from one connection and from two. One run, in turns; only ratios are worth comparing.

What is written behind is in Redis already, which is not timed but in the last line: that is a whole
put, into memory and Redis as well.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg
import msgspec
import uvloop

from bench.redis import Rate, make_entry
from gateway.collection import settle
from storage.database import open_database
from storage.entry import Entry
from storage.entry_rows import labels_of
from storage.memory import MemoryTier
from storage.redis import RedisTier, make_redis
from storage.redis_backlog import RedisBacklog
from storage.tiers import Tiers
from storage.withdrawals import holdings, tenant_of
from storage.write_behind import PER_BATCH, Bounds, WriteBehind
from tests.servers.postgres import Server, postgres
from tests.servers.valkey import Valkey, valkey

CALLERS = 500
"""Lookups at once whose answers are to be written."""
BARE, BEHIND = "asyncpg alone", "write-behind"
MEMORY = 64 << 20
Keep = Callable[[Entry], Awaitable[object]]
Way = Callable[[Sequence[Entry], RedisTier, WriteBehind], Awaitable[Keep]]
"""Readies entries for being kept, and says how each is."""
_UPSERT = """
    INSERT INTO entries (key, source, wire, stored_at, keep_until, tenant, holds, labels)
    SELECT key, source, wire, stored_at, keep_until, tenant, holds, string_to_array(labels, E'\\n')
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::float8[], $5::float8[], $6::text[],
                $7::text[], $8::text[])
        AS e (key, source, wire, stored_at, keep_until, tenant, holds, labels)
    ON CONFLICT (key) DO UPDATE SET source = excluded.source, wire = excluded.wire,
        stored_at = excluded.stored_at, keep_until = excluded.keep_until, holds = excluded.holds,
        labels = excluded.labels
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is written, and how often."""

    writes: int = 20_000
    rounds: int = 5


FULL, QUICK = Plan(), Plan(writes=1000, rounds=1)


async def measure(plan: Plan, server: Server, redis: Valkey) -> dict[str, Rate]:
    """Return how quickly each writes, the medians of the rounds."""
    turns: dict[str, Callable[[str], Awaitable[Rate]]] = {
        BARE: lambda url: _bare(plan, url, 1),
        f"{BARE}, two at once": lambda url: _bare(plan, url, 2),
        BEHIND: lambda url: _behind(plan, url, redis, _later),
        "memory, Redis and behind": lambda url: _behind(plan, url, redis, _put),
    }
    rates: dict[str, list[Rate]] = {name: [] for name in turns}
    for _ in range(plan.rounds):
        for name, write in turns.items():
            url = await server.new_database()
            rates[name].append(await write(url))
            await server.drop_database(url)
    return {
        name: Rate(*(statistics.median(column) for column in zip(*each, strict=True)))
        for name, each in rates.items()
    }


def report(medians: Mapping[str, Rate]) -> list[str]:
    """Return the lines of the table."""
    bare = medians[BARE]
    return [
        f"{'PostgreSQL, entries a second':<36}{'each s':>10}{'ratio':>8}{'CPU us each':>13}",
        *(
            f"{f'written, {name}':<36}{each.each_second:>10.0f}"
            f"{each.each_second / bare.each_second:>8.2f}{each.cpu_us:>13.1f}"
            for name, each in medians.items()
        ),
    ]


async def _bare(plan: Plan, url: str, connections: int) -> Rate:
    """Return how quickly so many connections write rows that are ready."""
    pool = await asyncpg.create_pool(
        url.replace("+asyncpg", ""), min_size=connections, max_size=connections
    )
    rows = [_row(entry) for entry in _entries(plan)]
    batches = iter([rows[start : start + PER_BATCH] for start in range(0, len(rows), PER_BATCH)])

    async def write() -> None:
        for batch in batches:
            await pool.execute(_UPSERT, *([*column] for column in zip(*batch, strict=True)))

    try:
        return await _timed(plan.writes, asyncio.gather(*(write() for _ in range(connections))))
    finally:
        await pool.close()


async def _behind(plan: Plan, url: str, server: Valkey, way: Way) -> Rate:
    """Return how quickly answers are written, from the first handed over to the last commit."""
    redis = make_redis(server.url, prefix="bench:", timeout=5.0, on_change=lambda *_: None)
    backlog = RedisBacklog(redis.link, "bench:")
    behind = WriteBehind(await open_database(url), backlog, bounds=Bounds(entries=plan.writes))
    all_entries = _entries(plan)
    keep = await way(all_entries, redis, behind)
    entries = iter(all_entries)

    async def call() -> None:
        for entry in entries:
            await keep(entry)

    async def all_written() -> None:
        await asyncio.gather(*(call() for _ in range(CALLERS)))
        while behind.waiting:
            await asyncio.sleep(0.001)

    try:
        return await _timed(plan.writes, all_written())
    finally:
        await behind.close()
        await redis.close()


async def _later(entries: Sequence[Entry], redis: RedisTier, behind: WriteBehind) -> Keep:
    for start in range(0, len(entries), CALLERS):
        await asyncio.gather(*map(redis.put, entries[start : start + CALLERS]))
    return behind.later


async def _put(_entries: Sequence[Entry], redis: RedisTier, behind: WriteBehind) -> Keep:
    return Tiers([MemoryTier(MEMORY), redis, behind], lambda *_: None).put


async def _timed(count: int, work: Awaitable[object]) -> Rate:
    started, spent = time.perf_counter(), time.process_time()
    await work
    spent = time.process_time() - spent
    return Rate(count / (time.perf_counter() - started), spent / count * 1e6)


def _row(entry: Entry) -> tuple[object, ...]:
    labels = "\n".join(labels_of(entry))
    times = time.time(), entry.keep_until
    return (
        *(entry.key, entry.source, entry.packed, *times),
        *(tenant_of(entry.key), entry.holds, labels),
    )


def _entries(plan: Plan) -> list[Entry]:
    """Return entries of six records each, whose keys are as scattered as digests are."""
    entry = make_entry(0)
    return [
        msgspec.structs.replace(
            entry,
            key=f"v1:public:bench:{number * 2654435761 % 2**32:064x}",
            holds=holdings("name", [(f"{number + each}", f"name {each}") for each in range(6)]),
            tags=("bench",),
        )
        for number in range(plan.writes)
    ]


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table."""
    plan = QUICK if "--quick" in arguments else FULL
    settle()  # as the gateway itself does
    with postgres() as server, valkey() as redis:
        lines = report(uvloop.run(measure(plan, server, redis)))
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
