from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Connection

from storage.redis_address import parse_address
from storage.redis_clients import make_client


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
