from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Connection

from storage.redis_address import parse_address
from storage.redis_clients import make_client, read_many
from tests.fault_proxy import FaultProxy
from tests.servers.valkey import Valkey


@pytest.mark.parametrize("url", ["redis://127.0.0.1", "redis+sentinel://127.0.0.1/main"])
@pytest.mark.parametrize(
    "words",
    [
        ("GET", "가:1"),
        ("SET", "key", bytes(range(256)) * 40, "PXAT", 1_800_000_000_000),
        ("ZADD", "set", 1.5, "one", "2.25", "two"),
        ("CLIENT SETNAME", "gateway"),
        ("MGET", *(f"key {number}" for number in range(2000))),
    ],
)
async def test_a_command_is_packed_as_redis_py_does_and_in_one_piece(
    url: str, words: tuple[Any, ...]
) -> None:
    client: Any = make_client(parse_address(url), timeout=1.0)
    pool = client.connection_pool
    ours, theirs = pool.make_connection(), Connection()
    (packed,) = ours.pack_command(*words)
    assert packed == b"".join(theirs.pack_command(*words))
    assert b"".join(ours.pack_commands([words, words])) == packed * 2
    await client.aclose()


async def test_the_answer_to_a_read_that_was_given_up_is_nobody_elses(
    valkey_server: Valkey,
) -> None:
    with valkey_server.client() as plain:
        plain.mset({"clients:a": "of a", "clients:b": "of b"})
    async with FaultProxy(valkey_server.port) as proxy:
        client: Any = make_client(parse_address(f"redis://127.0.0.1:{proxy.port}"), timeout=20.0)
        assert await read_many(client, ["clients:a"]) == [b"of a"]
        proxy.pause()
        given_up = asyncio.create_task(read_many(client, ["clients:a"]))
        for _ in range(5):  # turns in which it is sent
            await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait([given_up])
        assert given_up.cancelled()
        asked = asyncio.create_task(read_many(client, ["clients:b"]))
        await proxy.mend()
        async with asyncio.timeout(30):
            assert await asked == [b"of b"]
        await client.aclose()
