"""What every route shares, and the routes beside search."""

from __future__ import annotations

import asyncio
import dataclasses

import aiohttp
import pytest

from gateway.assembly import Gateway
from storage.memory import MemoryTier
from storage.tier import TierError
from storage.tiers import Tiers
from tests.serving import served
from tests.stub_upstream import Reply, StubUpstream


@pytest.mark.parametrize("given", ["abc-123", "0af7651916cd43dd8448eb211c80319c", "a" * 128])
async def test_a_sane_request_id_is_kept(client: aiohttp.ClientSession, given: str) -> None:
    async with client.get("/healthz", headers={"X-Request-Id": given}) as response:
        assert response.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a b", "é", '"x"', "{}", "a" * 129])
async def test_any_other_request_id_is_replaced(client: aiohttp.ClientSession, given: str) -> None:
    async with client.get("/healthz", headers={"X-Request-Id": given}) as response:
        made = response.headers["X-Request-Id"]
    async with client.get("/v1/nowhere", headers={"X-Request-Id": given}) as response:
        other = response.headers["X-Request-Id"]
    assert given not in (made, other)
    assert (len(made), len(other), made != other) == (16, 16, True)


async def test_no_browser_may_guess_another_type(client: aiohttp.ClientSession) -> None:
    for path in ("/healthz", "/v1/sources", "/nowhere"):
        async with client.get(path) as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_sources_say_what_can_be_asked(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/sources") as response:
        listed = {each["name"]: each for each in (await response.json())["sources"]}
    assert list(listed) == ["medicine", "pharmacy", "plain"]
    assert listed["medicine"]["attribution"] == {
        "text": "The Stub",
        "url": "https://stub.example/",
        "license": "CC0",
    }
    assert listed["medicine"]["fields"] == ["id", "maker", "name", "use"]
    parameters = {each["name"]: each for each in listed["pharmacy"]["parameters"]}
    assert parameters["radius"] | {"description": ""} == {
        "name": "radius",
        "type": "int",
        "description": "",
        "required": False,
        "default": "500",
        "min": 1,
        "max": 5000,
    }
    assert parameters["city"]["required"] is True


async def test_alive_asks_nobody(client: aiohttp.ClientSession) -> None:
    async with client.get("/healthz") as response:
        assert (response.status, await response.json()) == (200, {"status": "ok"})


async def test_ready_tells_each_part(client: aiohttp.ClientSession) -> None:
    async with client.get("/readyz") as response:
        assert response.status == 200
        state = await response.json()
    assert state["tiers"] == {"memory": "ok", "database": "ok"}
    assert state["circuits"]["medicine"] == "closed"
    assert state["flights"] == {"count": 0, "waiters": 0, "oldest_seconds": 0.0}
    assert state["connections"] == {"kept": 0, "in_use": 0, "idle": 0}  # SQLite has no pool


async def test_an_open_circuit_is_told_and_is_no_reason_to_be_unready(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.default = Reply(status=500)
    for n in range(5):
        async with client.get("/v1/search", params={"source": "plain", "q": f"q{n}"}) as response:
            assert response.status == 502
    async with client.get("/readyz") as response:
        assert response.status == 200
        assert (await response.json())["circuits"]["plain"] == "open"


class Unreachable(MemoryTier):
    """A tier that does not answer pings."""

    name = "database"

    async def ping(self) -> None:
        raise TierError("no route to it")


async def test_without_its_database_the_gateway_stays_in_service_and_says_so(
    gateway: Gateway,
) -> None:
    tiers = Tiers([MemoryTier(1000), Unreachable(1000)], lambda *_: None)
    async with served(dataclasses.replace(gateway, tiers=tiers)) as client:
        async with client.get("/readyz") as response:
            assert response.status == 200
            state = await response.json()
        assert state["status"] == "degraded"
        assert state["tiers"] == {"memory": "ok", "database": "no route to it"}
        assert state["log"]["known"] is True
        tiers.withdrawals.until = 0.0
        async with client.get("/readyz") as response:
            assert (await response.json())["log"]["known"] is False


class Silent(Unreachable):
    """A tier that takes its time."""

    async def ping(self) -> None:
        await asyncio.Event().wait()


async def test_a_tier_that_says_nothing_delays_no_probe(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.web.health.PING_TIMEOUT", 0.01)
    tiers = Tiers([MemoryTier(1000), Silent(1000)], lambda *_: None)
    silent = dataclasses.replace(gateway, tiers=tiers)
    async with served(silent) as client, client.get("/readyz") as response:
        assert response.status == 200
        state = await response.json()
    assert state["tiers"] == {"memory": "ok", "database": "no answer within 0.01 s"}
