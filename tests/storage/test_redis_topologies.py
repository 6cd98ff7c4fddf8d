"""The same tier over a Cluster, and over a server that Sentinels watch, with failovers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from redis.crc import key_slot

from storage.redis import RedisTier, make_redis
from storage.redis_address import parse_address
from storage.redis_channels import RedisChannels, RedisDoorbell
from storage.redis_clients import make_client
from storage.redis_link import RedisLink
from storage.tier import TierError
from tests.servers.valkey import SERVICE, Valkey, is_whole, valkey_cluster, valkey_sentinel
from tests.storage.entries import make_entry
from tests.waiting import eventually

PATIENT = 5.0


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Valkey]]:
    with valkey_cluster(replicas=True) as running:
        yield running


@pytest.fixture
async def cluster(servers: list[Valkey]) -> list[Valkey]:
    """Whole, whichever of them another test has killed."""
    await eventually(lambda: is_whole(servers))
    return servers


def ignore(up: bool, reason: str) -> None:
    """Losses are expected here."""


def make(url: str, on_change: Callable[[bool, str], None] = ignore) -> RedisTier:
    return make_redis(url, prefix="t:", timeout=PATIENT, on_change=on_change)


def cluster_url(servers: list[Valkey]) -> str:
    return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in servers[:2])


async def works(tier: RedisTier) -> None:
    entries = [make_entry(f"k{n}", b"%d" % n, keep_until=4e9) for n in range(300)]
    await asyncio.gather(*(tier.put(entry) for entry in entries))
    assert await asyncio.gather(*(tier.get(f"k{n}") for n in range(301))) == [*entries, None]
    assert await tier.unlink([f"k{n}" for n in range(200)]) == 200
    assert await asyncio.gather(*(tier.get(f"k{n}") for n in range(200))) == [None] * 200
    await tier.ping()


async def back_to_work(tier: RedisTier) -> None:
    """Write until a write of every thirtieth key, over all servers, succeeds."""
    keys = count()
    async with asyncio.timeout(30):
        while True:
            try:
                await asyncio.gather(
                    *(tier.put(make_entry(f"n{next(keys)}", keep_until=4e9)) for _ in range(30))
                )
            except TierError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_cluster_keeps_and_forgets_like_one_server(cluster: list[Valkey]) -> None:
    tier = make(cluster_url(cluster))
    try:
        await works(tier)
    finally:
        await tier.close()


async def test_a_clusters_dead_primary_is_replaced(cluster: list[Valkey]) -> None:
    tier = make(cluster_url(cluster))
    try:
        await works(tier)
        victim = cluster[2]
        victim.kill()
        await back_to_work(tier)
        victim.start()
    finally:
        await tier.close()


async def test_a_doorbell_goes_on_ringing_when_the_server_dies_at_which_it_was_heard(
    cluster: list[Valkey],
) -> None:
    # Of a channel whose slot is the first server's, so that this is where it is listened to.
    prefix = next(f"{n}:" for n in count() if key_slot(f"{n}:doorbell".encode()) < 5000)
    address = parse_address(cluster_url(cluster))
    link = RedisLink(make_client(address, timeout=PATIENT), PATIENT, ignore)
    channels = RedisChannels(make_client(address, timeout=PATIENT), link, prefix, heartbeat=0.5)
    bell = RedisDoorbell(channels)
    async with asyncio.timeout(60), channels.running():
        await channels.listening.wait()
        await bell.wait(60)  # the gap before listening
        cluster[0].kill()
        await eventually(lambda: not channels.listening.is_set())
        await channels.listening.wait()
        bell._rung.clear()  # that rings as well
        with cluster[1].client() as client:
            client.publish(f"{prefix}doorbell", b"7")
        await bell.wait(60)
    cluster[0].start()
    await link.close()


async def test_sentinels_name_the_server_and_its_successor() -> None:
    with valkey_sentinel() as (servers, sentinels):
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels)
        told: list[bool] = []
        tier = make(f"redis+sentinel://{hosts}/{SERVICE}", lambda up, _: told.append(up))
        try:
            await works(tier)
            servers[0].kill()
            await back_to_work(tier)
            assert told == [False, True]
        finally:
            await tier.close()
