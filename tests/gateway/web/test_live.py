from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.access.identity import READING, Scope
from gateway.assembly import Gateway
from gateway.config import Config
from gateway.web import live
from tests.gateway.web.test_admission import Door, opened
from tests.serving import served

PATH = "/v1/stats/stream"
STATS = READING | {Scope.STATS}


@pytest.fixture
async def door(config: Config, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with opened(config) as door:
        yield door


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY", 0.02)


async def following(response: aiohttp.ClientResponse) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while not (line := await response.content.readline()).startswith(b"data: "):
            assert line, "the stream has ended"
    told: dict[str, Any] = orjson.loads(line[6:])
    return told


async def test_snapshots_follow_each_other_and_tell_what_happened_between(
    client: aiohttp.ClientSession,
) -> None:
    async with client.get(PATH) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        first = await following(response)
        assert first["lookups"]["answered"] == {}
        async with client.get("/v1/search", params={"source": "medicine", "q": "a"}) as answer:
            assert answer.status == 200
        async with asyncio.timeout(30):
            while (await following(response))["lookups"]["answered"] != {"miss": 1}:
                pass


async def test_the_gateways_end_ends_the_stream(gateway: Gateway) -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as outside:
        async with served(gateway) as client:
            response = await outside.get(f"{client._base_url}".rstrip("/") + PATH)
            await following(response)
        await response.content.read()


async def test_who_may_not_see_the_statistics_gets_no_stream(door: Door) -> None:
    assert await door.status("GET", PATH) == 401
    assert await door.status("GET", PATH, headers=await door.key()) == 403


async def test_a_revoked_key_is_told_no_more(door: Door) -> None:
    key = await door.key(scopes=STATS)
    async with door.http.get(PATH, headers=key) as response, asyncio.timeout(40):
        await following(response)
        await door.keys.revoke(key["Authorization"].split("_")[1], time.time())
        await response.content.read()


async def test_an_operator_of_a_tenant_sees_no_other_tenants_money(door: Door) -> None:
    query = {"source": "medicine", "q": "a"}
    for tenant in ("acme", "beta"):
        key = await door.key(tenant, scopes=STATS)
        assert await door.status("GET", "/v1/search", params=query, headers=key) == 200
    async with door.http.get(PATH, headers=key) as response:
        told = await following(response)
    assert list(told["spend"]["today"]["by_tenant"]) == ["beta"]
