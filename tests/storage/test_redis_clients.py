from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import hiredis
import pytest
from redis.asyncio import Connection

from storage.observation import PoolState
from storage.redis_address import parse_address
from storage.redis_clients import make_client, pool_of, read_many
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


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("connection_pool._in_use_connections", set),
        ("connection_pool._available_connections", list),
        ("connection_pool.get_available_connection", Callable),
        ("connection_pool.ensure_connection", Callable),
        ("connection.is_connected", bool),
        ("connection.socket_timeout", float | None),
        ("connection._writer.transport", asyncio.WriteTransport),
        ("connection._reader", asyncio.StreamReader),
        ("connection._reader._buffer", bytearray),
        ("connection._parser._reader", hiredis.Reader),
        ("connection._parser._reader.has_data", Callable),
    ],
)
async def test_what_is_used_of_redis_py_and_is_not_promised_by_it_is_what_it_was(
    valkey_server: Valkey, name: str, kind: Any
) -> None:
    """Where a newer one has changed it, `storage.redis_clients` has to be changed as well."""
    client: Any = make_client(parse_address(valkey_server.url), timeout=20.0)
    await client.ping()
    (connection,) = client.connection_pool._available_connections
    used = SimpleNamespace(connection_pool=client.connection_pool, connection=connection)
    assert isinstance(attrgetter(name)(used), kind)
    await client.aclose()


async def test_reads_and_redis_py_use_one_connection_by_turns(valkey_server: Valkey) -> None:
    with valkey_server.client() as plain:
        plain.set("clients:a", "of a")
    client: Any = make_client(parse_address(valkey_server.url), timeout=20.0, connections=1)
    for _ in range(3):
        assert await read_many(client, ["clients:a", "clients:none"]) == [b"of a", None]
        assert await client.get("clients:a") == b"of a"
        assert pool_of(client) == PoolState(1, 0, 1)
    await client.aclose()
