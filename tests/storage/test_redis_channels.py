from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from storage.leases import Note
from storage.redis_address import parse_address
from storage.redis_channels import RedisChannels, RedisDoorbell
from storage.redis_clients import make_client
from storage.redis_leases import RedisLeases
from storage.redis_link import RedisLink
from tests.fault_proxy import FaultProxy
from tests.servers.valkey import Valkey, valkey_cluster
from tests.waiting import eventually

PATIENT = 20.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[Valkey]]:
    with valkey_cluster() as servers:
        yield servers


def url_of(cluster: list[Valkey]) -> str:
    return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in cluster)


@asynccontextmanager
async def channels(url: str, prefix: str, heartbeat: float = 1.0) -> AsyncIterator[RedisChannels]:
    address = parse_address(url)
    link = RedisLink(make_client(address, timeout=PATIENT), PATIENT, lambda up, why: None)
    try:
        yield RedisChannels(make_client(address, timeout=PATIENT), link, prefix, heartbeat)
    finally:
        await link.close()


async def test_every_replica_hears_what_is_published_in_order(valkey_server: Valkey) -> None:
    url = valkey_server.url
    async with channels(url, "order:") as one, channels(url, "order:") as other:
        heard: list[tuple[str, bytes]] = []
        enough = asyncio.Event()

        def hear(name: str, message: bytes) -> None:
            heard.append((name, message))
            if len(heard) == 6:
                enough.set()

        one.subscribe("c", lambda message: hear("one", message))
        other.subscribe("c", lambda message: hear("other", message))
        async with asyncio.timeout(30), one.running(), other.running():
            await one.listening.wait()
            await other.listening.wait()
            for n in range(3):
                one.publish("c", b"%d" % n)
            await enough.wait()
        for name in ("one", "other"):
            assert [message for who, message in heard if who == name] == [b"0", b"1", b"2"]


async def test_prefixes_keep_fleets_apart(valkey_server: Valkey) -> None:
    url = valkey_server.url
    async with channels(url, "a:") as one, channels(url, "b:") as other:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        one.subscribe("c", heard.put_nowait)
        async with asyncio.timeout(30), one.running():
            await one.listening.wait()
            other.publish("c", b"not for us")
            await asyncio.sleep(0)
            one.publish("c", b"for us")
            assert await heard.get() == b"for us"


async def test_the_doorbell_rings_at_once_at_every_replica(valkey_server: Valkey) -> None:
    url = valkey_server.url
    async with channels(url, "bell:") as one, channels(url, "bell:") as other:
        here, there = RedisDoorbell(one), RedisDoorbell(other)
        async with asyncio.timeout(30), one.running(), other.running():
            await one.listening.wait()
            await other.listening.wait()
            await asyncio.gather(here.wait(60), there.wait(60))  # the gap before listening
            await here.ring(7)
            await asyncio.gather(here.wait(60), there.wait(60))


async def test_a_ring_that_came_before_the_wait_is_not_lost(valkey_server: Valkey) -> None:
    async with channels(valkey_server.url, "early:") as one:
        bell = RedisDoorbell(one)
        async with asyncio.timeout(30), one.running():
            await one.listening.wait()
            await bell.wait(60)
            started = time.perf_counter()
            await bell.wait(0.01)
            assert time.perf_counter() - started >= 0.009


async def test_a_cut_connection_is_made_anew_and_rings(valkey_server: Valkey) -> None:
    async with (
        FaultProxy(valkey_server.port) as proxy,
        channels(f"redis://127.0.0.1:{proxy.port}", "cut:") as one,
    ):
        bell = RedisDoorbell(one)
        async with asyncio.timeout(30), one.running():
            await one.listening.wait()
            await bell.wait(60)
            await proxy.cut()
            await bell.wait(60)


async def test_a_frozen_connection_is_noticed_and_made_anew(valkey_server: Valkey) -> None:
    async with FaultProxy(valkey_server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        async with channels(url, "frozen:", heartbeat=0.05) as one:
            bell = RedisDoorbell(one)
            async with asyncio.timeout(30), one.running():
                await one.listening.wait()
                await bell.wait(60)
                proxy.pause()
                await eventually(lambda: not one.listening.is_set())
                await proxy.cut()
                await proxy.mend()
                await bell.wait(60)


async def test_silence_is_no_fault(valkey_server: Valkey) -> None:
    async with channels(valkey_server.url, "silent:", heartbeat=0.5) as one:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        gaps: list[int] = []
        one.subscribe("c", heard.put_nowait)
        one.on_gap(lambda: gaps.append(1))
        async with asyncio.timeout(30), one.running():
            await one.listening.wait()
            valkey_server.forget_commands()
            # It was silent, asked whether it is still there, and silent again after its answer.
            await eventually(lambda: valkey_server.commands().get("ping", 0) >= 2)
            one.publish("c", b"still there")
            assert await heard.get() == b"still there"
        assert gaps == [1]


async def test_who_listens_ends_whenever_it_is_told_to(valkey_server: Valkey) -> None:
    for turns in range(30):
        async with channels(valkey_server.url, "ending:") as one:
            one.subscribe("c", lambda _: None)
            async with asyncio.timeout(30), one.running():
                for _ in range(turns):
                    await asyncio.sleep(0)


async def test_a_cluster_carries_messages_between_its_servers(cluster: list[Valkey]) -> None:
    url = url_of(cluster)
    async with channels(url, "cluster:") as one, channels(url, "cluster:") as other:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        other.subscribe("c", heard.put_nowait)
        async with asyncio.timeout(30), one.running(), other.running():
            await other.listening.wait()
            for n in range(20):
                one.publish("c", b"%d" % n)
            assert sorted([int(await heard.get()) for _ in range(20)]) == list(range(20))


async def test_a_doorbell_is_heard_whichever_server_of_a_cluster_it_is_rung_at(
    cluster: list[Valkey],
) -> None:
    """Each replica listens at one server, and the Cluster's servers tell each other."""
    async with channels(url_of(cluster), "any:") as one:
        bell = RedisDoorbell(one)
        async with asyncio.timeout(30), one.running():
            await one.listening.wait()
            await bell.wait(60)  # the gap before listening
            for server in cluster:
                with server.client() as client:
                    client.publish("any:doorbell", b"7")
                await bell.wait(60)


async def test_the_end_of_a_lease_is_heard_whichever_server_of_a_cluster_keeps_it(
    cluster: list[Valkey],
) -> None:
    """It is told by the script that gives the lease back, at the server that has the key."""
    made: set[str] = set()
    gate, keys = asyncio.Event(), [f"k{number}" for number in range(12)]

    async def work(key: str) -> str:
        await gate.wait()
        made.add(key)
        return "made"

    async def look(key: str, _note: str) -> str | None:
        return "found" if key in made else None

    def ask(leases: RedisLeases) -> list[asyncio.Task[str]]:
        asked = [
            leases.once(key, partial(work, key), partial(look, key), lambda _: Note())
            for key in keys
        ]
        return [asyncio.create_task(each) for each in asked]

    def taken(mark: str) -> bool:
        """Whether all are owned, and marked so."""
        values = []
        for server in cluster:
            with server.client() as client:
                values += [str(client.get(name)) for name in client.keys("ends:lease:*")]
        return [value.endswith(mark) for value in values].count(True) == len(keys)

    async with channels(url_of(cluster), "ends:") as one, channels(url_of(cluster), "ends:") as two:
        # Nobody looks by themselves within the test: only what is heard wakes who waits.
        owner, waiter = (RedisLeases(c._link, c, "ends:", term=60, poll=60) for c in (one, two))
        async with asyncio.timeout(30), one.running(), two.running():
            await two.listening.wait()
            owned = ask(owner)
            await eventually(lambda: taken("'"))
            waiting = ask(waiter)
            await eventually(lambda: taken("!'"))
            gate.set()
            assert set(await asyncio.gather(*owned)) == {"made"}
            assert set(await asyncio.gather(*waiting)) == {"found"}
            await owner.close()
