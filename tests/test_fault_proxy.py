"""The proxy loses messages, and no answers."""

from __future__ import annotations

import asyncio

import asyncpg
import redis.asyncio

from tests.fault_proxy import FaultProxy, postgres_notice, redis_message
from tests.servers.postgres import Server
from tests.servers.valkey import Valkey
from tests.waiting import eventually

PATIENCE = 30.0


async def test_what_a_subscriber_of_redis_is_told_is_lost_until_mended(
    valkey_server: Valkey,
) -> None:
    async with (
        FaultProxy(valkey_server.port) as proxy,
        redis.asyncio.Redis(port=proxy.port, protocol=2) as client,
        client.pubsub() as subscription,
    ):
        await subscription.subscribe("lost")
        assert await subscription.get_message(timeout=PATIENCE)
        proxy.deafen(redis_message)
        assert await client.publish("lost", "one") == 1
        await eventually(lambda: proxy.lost == 1)
        await proxy.mend()
        assert await client.publish("lost", "two") == 1
        heard = await subscription.get_message(timeout=PATIENCE)
        assert heard is not None
        assert heard["data"] == b"two"


async def test_what_postgresql_notifies_is_lost_until_mended(postgres_server: Server) -> None:
    heard = asyncio.Queue[str]()
    async with FaultProxy(postgres_server.port) as proxy, asyncio.timeout(PATIENCE):
        dsn = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres"
        listening, speaking = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
        await listening.add_listener("lost", lambda *told: heard.put_nowait(told[3]))
        proxy.deafen(postgres_notice)
        await speaking.execute("SELECT pg_notify('lost', 'one')")
        await eventually(lambda: proxy.lost == 1)
        await proxy.mend()
        await speaking.execute("SELECT pg_notify('lost', 'two')")
        assert await heard.get() == "two"
        await listening.close()
        await speaking.close()


def test_a_chunk_is_a_notice_only_where_it_holds_nothing_else() -> None:
    notice = b"A\x00\x00\x00\x08\x00\x00\x00\x01"
    assert postgres_notice(notice * 2)
    assert not postgres_notice(notice + b"Z\x00\x00\x00\x05I")
    assert not postgres_notice(notice[:-1])
