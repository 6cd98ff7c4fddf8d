"""Real servers, and fleets of replicas over them that know only proxies of their own."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import redis
import yaml

from storage.database import open_database
from storage.invalidation import InvalidationLog
from tests.coherence.checker import Checker, Report
from tests.coherence.faults import Victims
from tests.coherence.replicas import SOURCE, Replica, in_this_process
from tests.coherence.standby import Standby
from tests.coherence.upstream import Upstream
from tests.fault_proxy import FaultProxy
from tests.servers.postgres import Server
from tests.servers.valkey import Valkey
from tests.stub_upstream import source

Opening = Callable[[Sequence[Path]], AbstractAsyncContextManager[Sequence[Replica]]]
"""Opens a replica for each file of a configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a run goes."""

    rounds: int
    seed: int = 1
    within: float = 3600.0
    """Seconds after which no further round begins."""
    opening: Opening = in_this_process
    replicas: int = 3
    fleets: int = 1
    """So many go through rounds side by side, each with a database and keys of its own."""
    queries: int = 4
    slowest: float = 0.01
    """Seconds that the upstream takes at most."""
    doings: int = 10
    """Things that are done in a round."""
    seconds: float = 0.02
    """Within which they begin."""
    lasting: float = 0.04
    """For how long a fault lasts at most, in seconds."""
    outlasting: float = 0.25
    """The part of faults that outlast a lease."""
    whose: str = ""
    """Whom faults befall: the beginning of their names."""
    lease: float = 0.5
    """Of a replica on its memory, in seconds."""
    killing: int = 0
    """After so many rounds each a server is killed and started again; 0: none is."""
    give_up: int = 3
    """Violations after which a run ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Replicas that agree with each other, who watches them, and what may befall them."""

    checker: Checker
    victims: Victims
    chance: random.Random
    url: str
    """Of their database, without a proxy."""

    def connections(self) -> list[tuple[int, int]]:
        """Return how many each proxy to Redis has seen begin and end."""
        return [(proxy.accepted, proxy.ended) for proxy in self.victims.to_redis]

    async def check_log(self) -> None:
        """Every acknowledged withdrawal stands in the log, and what is kept may be served."""
        tier = await open_database(self.url)
        try:
            news = await InvalidationLog(tier.database).since(0)
            positions = {line.position for line in news.lines} | set(range(news.trimmed + 1))
            if gone := set(self.checker.positions) - positions:
                self.checker.violated(f"acknowledged and not in the log: {sorted(gone)}")
            for (key,) in await tier.database.rows("SELECT key FROM entries"):
                entry = await tier.get(key)
                assert entry is not None
                (record,) = orjson.loads(b"{" + entry.records.body + b"}")["items"]
                if not self.checker.may_serve(record["id"], int(record["use"])):
                    self.checker.violated(f"the database has {record['use']} of {record['id']}")
        finally:
            await tier.close()


class World:
    """The servers, which all fleets share; with a *standby*, replicas read from that."""

    def __init__(self, redis: Valkey, postgres: Server, standby: Server | None = None) -> None:
        self._redis, self._postgres = redis, postgres
        self._standby = None if standby is None else Standby(standby)
        self.kills = 0
        """How often a server was killed, or was started again."""

    @asynccontextmanager
    async def fleet(
        self, folder: Path, number: int, plan: Plan, report: Report
    ) -> AsyncIterator[Fleet]:
        """Yield fleet *number*, whose replicas run."""
        folder.mkdir()
        async with AsyncExitStack() as stack:
            seed = plan.seed * 1000 + number
            upstream = await stack.enter_async_context(Upstream(plan.slowest, seed))
            url = await self._postgres.new_database()
            stack.push_async_callback(self._postgres.drop_database, url)
            proxies = [
                (
                    await stack.enter_async_context(FaultProxy(self._redis.port)),
                    await stack.enter_async_context(FaultProxy(self._postgres.port)),
                )
                for _ in range(plan.replicas)
            ]
            to_standby = await self._to_standby(stack, plan, url)
            prefix = f"{secrets.token_hex(4)}:"
            configs = []
            for each, pair in enumerate(proxies):
                document = {
                    **_shared(plan, upstream.url, number),
                    "redis": _redis(pair[0].port, number, prefix),
                    "database": {
                        **_database(pair[1].port, url, each),
                        "replicas": [_at(proxy.port, url) for proxy in to_standby[each : each + 1]],
                    },
                }
                configs.append(folder / f"{each}.yaml")
                configs[-1].write_text(yaml.safe_dump(document))
            replicas = await stack.enter_async_context(plan.opening(configs))
            to_redis, to_postgres = zip(*proxies, strict=True)
            victims = Victims(
                to_redis=to_redis,
                to_postgres=to_postgres,
                replicas=replicas,
                empty_redis=lambda: self._empty(number),
                standby=self._standby,
                to_standby=to_standby,
            )
            chance, queries = random.Random(seed), [f"q{each}" for each in range(plan.queries)]
            checker = Checker(replicas, upstream, queries, chance, report)
            yield Fleet(checker=checker, victims=victims, chance=chance, url=url)

    async def kill(self, chance: random.Random) -> str:
        """Kill a server and start it again; Redis forgets, PostgreSQL does not."""
        servers: list[tuple[Valkey | Server, str]]
        servers = [(self._redis, "redis"), (self._postgres, "postgres")]
        server, name = chance.choice(servers)
        self.kills += 1
        server.kill()
        await asyncio.to_thread(server.start)
        self.kills += 1
        return f"{name} killed"

    async def _to_standby(
        self, stack: AsyncExitStack, plan: Plan, url: str
    ) -> Sequence[FaultProxy]:
        """Return a proxy for each replica, where there is a standby, which has the database."""
        if self._standby is None:
            return ()
        await self._standby.received(url.rpartition("/")[2])
        stack.push_async_callback(self._standby.catch_up)
        return [
            await stack.enter_async_context(FaultProxy(self._standby.port))
            for _ in range(plan.replicas)
        ]

    def _empty(self, number: int) -> None:
        with redis.Redis(port=self._redis.port, db=number, protocol=2) as client:
            client.flushdb()


def _shared(plan: Plan, upstream: str, number: int) -> Mapping[str, Any]:
    """Every second fleet has summaries: flights with and without one, which share fetches."""
    summary = {"by": "extractive", "roles": {"purpose": ["use"]}} if number % 2 else {"by": "none"}
    items = source(upstream, summary=summary, limits={"breaker": {"failures": 1000}})
    return {"invalidation": {"lease": f"{int(plan.lease * 1000)}ms"}, "sources": {SOURCE: items}}


def _redis(port: int, number: int, prefix: str) -> Mapping[str, Any]:
    url = f"redis://127.0.0.1:{port}/{number}"
    return {"url": url, "prefix": prefix, "timeout": "150ms"}


def _database(port: int, url: str, replica: int) -> Mapping[str, Any]:
    """Every replica reads and writes in a way of its own."""
    return {
        "url": _at(port, url),
        "write": ("behind", "through")[replica % 2],
        "read": ("sequential", "hedged", "race")[replica % 3],
        "pool": {"size": 3, "overflow": 3, "statement": "5s", "connect": "1s"},
    }


def _at(port: int, url: str) -> str:
    """Return *url* with another port."""
    login, _, rest = url.partition("@")
    return f"{login}@127.0.0.1:{port}/{rest.partition('/')[2]}"
