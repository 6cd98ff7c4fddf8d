"""Leases between three replicas of one process, over a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from storage.leases import Leases, NoLeases, Note
from storage.redis_address import parse_address
from storage.redis_channels import RedisChannels
from storage.redis_clients import make_client
from storage.redis_leases import RedisLeases
from storage.redis_link import RedisLink
from tests.fault_proxy import FaultProxy
from tests.servers.valkey import Valkey

PATIENT = 5.0


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
async def replica(url: str, prefix: str, term: float = 3.0) -> AsyncIterator[RedisLeases]:
    address = parse_address(url)
    link = RedisLink(make_client(address, timeout=PATIENT), PATIENT, lambda up, why: None)
    channels = RedisChannels(make_client(address, timeout=PATIENT), link, prefix)
    leases = RedisLeases(link, channels, prefix, term)
    try:
        async with channels.running():
            await channels.listening.wait()
            yield leases
            await leases.close()
    finally:
        await link.close()


@asynccontextmanager
async def replicas(url: str, prefix: str, count: int = 3) -> AsyncIterator[list[RedisLeases]]:
    async with AsyncExitStack() as stack:
        made = [replica(url, prefix) for _ in range(count)]
        yield [await stack.enter_async_context(each) for each in made]


async def until_waiting(server: Valkey, key: str) -> None:
    """Return when somebody waits for *key*."""
    with server.client() as client:
        while not str(client.get(key)).endswith("!'"):
            await asyncio.sleep(0.005)


async def test_one_replica_works_and_the_others_have_what_it_made(valkey_server: Valkey) -> None:
    shared = Shared()
    async with asyncio.timeout(10), replicas(valkey_server.url, "one:") as three:
        asked = [asyncio.create_task(shared.ask(each)) for each in three]
        await shared.begun.wait()
        await until_waiting(valkey_server, "one:lease:k")
        shared.gate.set()
        assert await asyncio.gather(*asked) == ["made by call 1"] * 3


async def test_waiting_is_no_polling(valkey_server: Valkey) -> None:
    shared = Shared()
    async with asyncio.timeout(10), replicas(valkey_server.url, "calm:") as three:
        valkey_server.forget_commands()
        asked = [asyncio.create_task(shared.ask(each)) for each in three]
        await shared.begun.wait()
        await asyncio.sleep(0.7)
        shared.gate.set()
        await asyncio.gather(*asked)
        for each in three:
            await each.close()
        calls = valkey_server.commands()
        # One to ask for each replica, sent whole once where the server does not know it yet,
        # and one to give back.
        assert calls["evalsha"] <= 4
        assert calls.get("eval", 0) <= 4


async def test_who_had_looked_before_the_end_finds_what_was_made(valkey_server: Valkey) -> None:
    shared = Shared()
    shared.gate.set()
    async with asyncio.timeout(10), replicas(valkey_server.url, "late:", 2) as (one, other):
        assert await shared.ask(one) == "made by call 1"
        await one.close()
        assert await shared.ask(other) == "made by call 1"
        assert shared.looks == 1
        shared.made.clear()
        assert await shared.ask(one) == "made by call 2"


async def test_a_failure_is_that_of_all_and_not_repeated(valkey_server: Valkey) -> None:
    shared = Shared()

    async def fail() -> str:
        shared.calls += 1
        shared.begun.set()
        await shared.gate.wait()
        raise RuntimeError("the upstream is down")

    async with asyncio.timeout(10), replicas(valkey_server.url, "fail:") as three:
        asked = [
            asyncio.create_task(each.once("k", fail, shared.look, noted)) for each in three[:2]
        ]
        await shared.begun.wait()
        await until_waiting(valkey_server, "fail:lease:k")
        shared.gate.set()
        for each in asked:
            with pytest.raises(RuntimeError, match="the upstream is down"):
                await each
        await three[0].close()
        await three[1].close()
        with pytest.raises(RuntimeError, match="the upstream is down"):
            await three[2].once("k", fail, shared.look, noted)
        assert shared.calls == 1


async def test_an_owner_that_dies_is_succeeded_within_its_term(valkey_server: Valkey) -> None:
    shared = Shared()
    async with asyncio.timeout(10), replica(valkey_server.url, "dies:") as heir:
        with valkey_server.client() as client:  # an owner that renews nothing any more
            client.set("dies:lease:k", "+gone", px=300)
        shared.gate.set()
        assert await shared.ask(heir) == "made by call 1"


async def test_a_lease_is_renewed_while_its_owner_works(valkey_server: Valkey) -> None:
    shared = Shared()
    url = valkey_server.url
    async with asyncio.timeout(10), replica(url, "long:", 0.2) as one, replica(url, "long:") as two:
        asked = [asyncio.create_task(shared.ask(one))]
        await shared.begun.wait()
        asked.append(asyncio.create_task(shared.ask(two)))
        await asyncio.sleep(0.6)
        assert shared.calls == 1
        shared.gate.set()
        assert await asyncio.gather(*asked) == ["made by call 1"] * 2


async def test_a_caller_who_leaves_gives_the_lease_back(valkey_server: Valkey) -> None:
    shared = Shared()
    async with asyncio.timeout(10), replicas(valkey_server.url, "leave:", 2) as (one, other):
        leaving = asyncio.create_task(shared.ask(one))
        await shared.begun.wait()
        staying = asyncio.create_task(shared.ask(other))
        await until_waiting(valkey_server, "leave:lease:k")
        leaving.cancel()
        shared.gate.set()
        assert await staying == "made by call 2"


async def test_without_redis_everyone_works(valkey_server: Valkey) -> None:
    async with FaultProxy(valkey_server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        async with asyncio.timeout(10), replica(url, "away:") as one:
            await proxy.refuse()
            shared = Shared()
            shared.gate.set()
            assert await shared.ask(one) == "made by call 1"


async def test_who_waits_goes_on_when_redis_is_lost(valkey_server: Valkey) -> None:
    async with FaultProxy(valkey_server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        async with asyncio.timeout(10), replica(url, "lost:") as one:
            with valkey_server.client() as client:
                client.set("lost:lease:k", "+another", px=60_000)
            shared = Shared()
            shared.gate.set()
            asked = asyncio.create_task(shared.ask(one))
            await until_waiting(valkey_server, "lost:lease:k")
            await proxy.refuse()
            assert await asked == "made by call 1"


async def test_without_other_replicas_there_is_nothing_to_hold() -> None:
    shared = Shared()
    shared.gate.set()
    leases = NoLeases()
    assert await shared.ask(leases) == "made by call 1"
    await leases.close()
