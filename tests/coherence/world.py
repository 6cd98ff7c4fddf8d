"""Replicas in one process over real servers, with proxies of their own, and what befalls them."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway.assembly import open_gateway
from gateway.config import Config, load_config
from storage.database import open_database
from storage.invalidation import InvalidationLog
from tests.coherence.checker import Checker, Report
from tests.coherence.replicas import SOURCE, Local, generation
from tests.coherence.upstream import Upstream
from tests.fault_proxy import FaultProxy
from tests.servers.postgres import Server
from tests.servers.valkey import Valkey
from tests.stub_upstream import source

REPLICAS = 3
LEASE = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes."""

    rounds: int
    seed: int = 1
    within: float = 3600.0
    """Seconds after which no further round begins."""
    queries: int = 4
    slowest: float = 0.01
    """Seconds that the upstream takes at most."""
    doings: int = 10
    """Things that are done in a round."""
    seconds: float = 0.02
    """Within which they begin."""
    lasting: float = 0.04
    """For how long a fault lasts at most."""
    killing: int = 0
    """After so many rounds each a server is killed and started again; 0: none is."""
    give_up: int = 3
    """Violations after which a run ends."""


@dataclass
class Fault:
    """What befalls the servers for a while."""

    name: str
    begin: Callable[[], Awaitable[object]]
    database: bool = False


class World:
    """Real servers, proxies before them, and gateways that know only the proxies."""

    def __init__(self, redis: Valkey, postgres: Server, url: str) -> None:
        self.redis, self.postgres, self.url = redis, postgres, url
        self.to_redis = [FaultProxy(redis.port) for _ in range(REPLICAS)]
        self.to_postgres = [FaultProxy(postgres.port) for _ in range(REPLICAS)]
        self.prefix = f"{secrets.token_hex(4)}:"

    @asynccontextmanager
    async def running(self, folder: Path, plan: Plan) -> AsyncIterator[Checker]:
        """Yield a checker over replicas that run."""
        async with AsyncExitStack() as stack:
            upstream = await stack.enter_async_context(Upstream(plan.slowest, plan.seed))
            for proxy in (*self.to_redis, *self.to_postgres):
                await stack.enter_async_context(proxy)
            locals_ = []
            for number in range(REPLICAS):
                config = self.config(folder, number, upstream.url)
                gateway = await stack.enter_async_context(open_gateway(config))
                locals_.append(Local(gateway))
            queries = [f"q{number}" for number in range(plan.queries)]
            yield Checker(locals_, upstream, queries, plan.seed)
            await self.mend()

    def config(self, folder: Path, number: int, upstream: str) -> Config:
        _, _, rest = self.url.partition("@")
        login = self.url.removesuffix(rest)
        database = rest.partition("/")[2]
        document: dict[str, Any] = {
            "redis": {
                "url": f"redis://127.0.0.1:{self.to_redis[number].port}",
                "prefix": self.prefix,
                "timeout": "150ms",
            },
            "database": {
                "url": f"{login}127.0.0.1:{self.to_postgres[number].port}/{database}",
                "write": ("behind", "through")[number % 2],
                "read": ("sequential", "hedged", "race")[number % 3],
                "pool": {"statement": "5s", "connect": "1s"},
            },
            "invalidation": {"lease": f"{int(LEASE * 1000)}ms"},
            "sources": {SOURCE: _source(upstream)},
        }
        path = folder / f"{number}.yaml"
        path.write_text(yaml.safe_dump(document))
        return load_config(path, {})

    def faults(self, chance: random.Random) -> list[Fault]:
        """Return what may befall; each draws its victim when it begins."""
        redis, postgres = chance.choice(self.to_redis), chance.choice(self.to_postgres)
        return [
            Fault("redis cut", redis.cut),
            Fault("redis paused", _now(redis.pause)),
            Fault("redis refused", redis.refuse),
            Fault("redis lost by all", self._lose_redis),
            Fault("redis emptied", _now(self._empty_redis)),
            Fault("postgres cut", postgres.cut, database=True),
            Fault("postgres paused", _now(postgres.pause), database=True),
            Fault("postgres refused", postgres.refuse, database=True),
            Fault("postgres slow", _now(lambda: postgres.slow(0.01)), database=True),
        ]

    async def mend(self) -> None:
        for proxy in (*self.to_redis, *self.to_postgres):
            await proxy.mend()

    async def kill(self, chance: random.Random) -> str:
        """Kill a server and start it again; Redis forgets, PostgreSQL does not."""
        if chance.random() < 0.5:
            self.redis.kill()
            await asyncio.to_thread(self.redis.start)
            return "redis killed"
        self.postgres.kill()
        await asyncio.to_thread(self.postgres.start)
        return "postgres killed"

    async def _lose_redis(self) -> None:
        for proxy in self.to_redis:
            await proxy.refuse()

    def _empty_redis(self) -> None:
        with self.redis.client() as client:
            client.flushall()


async def run(world: World, folder: Path, plan: Plan) -> Report:
    """Do the rounds of *plan*; return what was found."""
    chance, ends = random.Random(plan.seed), time.monotonic() + plan.within
    async with world.running(folder, plan) as checker:
        report = checker.report
        while report.rounds < plan.rounds and len(report.violations) < plan.give_up:
            if time.monotonic() > ends:
                break
            report.rounds += 1
            if chance.random() < 0.4:
                await _calm(checker, plan)
            else:
                await _faulty(world, checker, plan, chance)
            if plan.killing and report.rounds % plan.killing == 0:
                storm = asyncio.create_task(checker.storm(plan.doings, 0.3))
                report.faults[await world.kill(chance)] += 1
                await storm
                await checker.sweep()
        await _check_log(world, checker)
        return report


async def _calm(checker: Checker, plan: Plan) -> None:
    checker.report.faults["none"] += 1
    await checker.storm(plan.doings, plan.seconds)
    locals_ = [replica for replica in checker.replicas if isinstance(replica, Local)]
    before = [replica.losses for replica in locals_]
    if all(replica.shares for replica in locals_):
        await checker.burst(lambda: before == [replica.losses for replica in locals_])


async def _faulty(world: World, checker: Checker, plan: Plan, chance: random.Random) -> None:
    fault = chance.choice(world.faults(chance))
    checker.report.faults[fault.name] += 1
    storm = asyncio.create_task(checker.storm(plan.doings, plan.seconds))
    await asyncio.sleep(chance.random() * plan.seconds)
    await fault.begin()
    meanwhile = asyncio.create_task(checker.sweep())
    await asyncio.sleep(chance.random() * plan.lasting)
    await world.mend()
    await meanwhile
    await storm
    await checker.sweep()


async def _check_log(world: World, checker: Checker) -> None:
    """Every acknowledged withdrawal stands in the log, and what is kept may be served."""
    tier = await open_database(world.url)
    try:
        news = await InvalidationLog(tier.database).since(0)
        positions = {line.position for line in news.lines}
        gone = [p for p in checker.positions if p > news.trimmed and p not in positions]
        if gone:
            checker.report.violations.append(f"acknowledged and not in the log: {gone}")
        replica = checker.replicas[0]
        assert isinstance(replica, Local)
        for query in checker.queries:
            entry = await tier.get(replica.key(query))
            if entry is not None:
                kept = generation(b"{" + entry.records.body + b"}")
                if not checker.may_serve(query, kept):
                    checker.report.violations.append(f"the database has {kept} of {query}")
    finally:
        await tier.close()


def _source(upstream: str) -> Mapping[str, Any]:
    return source(upstream, summary={"by": "none"}, limits={"breaker": {"failures": 1000}})


def _now(act: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    async def acting() -> None:
        act()

    return acting
