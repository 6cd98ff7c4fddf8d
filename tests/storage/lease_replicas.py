"""Replicas of one process that share leases over a real server, and what they make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from storage.leases import Leases, Note
from storage.redis_address import parse_address
from storage.redis_channels import RedisChannels
from storage.redis_clients import make_client
from storage.redis_leases import RedisLeases
from storage.redis_link import RedisLink
from tests.servers.valkey import Valkey
from tests.waiting import eventually

PATIENT = 20.0


@dataclass
class Shared:
    """What replicas make and find: a shared tier, in a word."""

    made: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    looks: int = 0

    async def work(self) -> str:
        self.calls += 1
        self.begun.set()
        await self.gate.wait()
        self.made["k"] = f"made by call {self.calls}"
        return self.made["k"]

    async def look(self, note: str) -> str | None:
        self.looks += 1
        if note:
            raise RuntimeError(note)
        return self.made.get("k")

    async def ask(self, leases: Leases, key: str = "k") -> str:
        return await leases.once(key, self.work, self.look, noted)


def noted(error: BaseException) -> Note:
    return Note(str(error), 5.0) if isinstance(error, RuntimeError) else Note()


@asynccontextmanager
async def replica(url: str, prefix: str, **seconds: float) -> AsyncIterator[RedisLeases]:
    address = parse_address(url)
    link = RedisLink(make_client(address, timeout=PATIENT), PATIENT, lambda up, why: None)
    channels = RedisChannels(make_client(address, timeout=PATIENT), link, prefix)
    leases = RedisLeases(link, channels, prefix, **seconds)
    try:
        async with channels.running():
            await channels.listening.wait()
            yield leases
            await leases.close()
    finally:
        await link.close()


@asynccontextmanager
async def replicas(
    url: str, prefix: str, count: int = 3, **seconds: float
) -> AsyncIterator[list[RedisLeases]]:
    async with AsyncExitStack() as stack:
        made = [replica(url, prefix, **seconds) for _ in range(count)]
        yield [await stack.enter_async_context(each) for each in made]


async def until_waiting(server: Valkey, key: str) -> None:
    """Return when somebody waits for *key*."""
    with server.client() as client:
        await eventually(lambda: str(client.get(key)).endswith("!'"))


async def until_ended(server: Valkey, key: str) -> None:
    """Return when the server knows that the work for *key* was done a moment ago."""
    with server.client() as client:
        await eventually(lambda: str(client.get(key)).startswith("b'-"))
