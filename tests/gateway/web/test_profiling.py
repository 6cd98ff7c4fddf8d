"""What is slow, on /v1/stats and as a profile, of a gateway that is really served."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from gateway.access.identity import Scope
from gateway.assembly import Gateway
from gateway.config import Config
from gateway.events import Served
from gateway.lookup import Lookup
from tests.gateway.web.test_admission import opened


async def test_slow_statements_stand_with_their_plans_beside_routes_and_keys(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    async with client.get("/v1/search", params={"source": "plain", "q": "a"}) as response:
        assert response.status == 200
    gateway.observing.statements.took("SELECT key FROM entries WHERE key = ?", 0.3)
    async with client.get("/v1/stats") as response:
        slow = (await response.json())["slow"]
    (statement,) = [each for each in slow["statements"] if each["slowest_ms"] == 300.0]
    assert statement["text"] == "SELECT key FROM entries WHERE key = ?"
    assert "entries" in statement["plan"]
    route = slow["routes"]["/v1/search"]
    assert (route["count"], route["most_queries"]) == (1, route["queries"])
    assert route["queries"] >= 1
    assert route["slowest_ms"] > 0
    (key,) = slow["keys"]
    assert (key["source"], key["outcome"]) == ("plain", "miss")


async def test_who_is_no_admin_sees_no_statement_and_no_key_of_others(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with opened(config) as door:
        door.gateway.observing.statements.took("SELECT 1", 0.3)
        for tenant in ("acme", "other"):
            key = Lookup("medicine", "a", tenant=tenant).key
            door.gateway.events.emit(Served("medicine", key, "miss", "", 1.0, tenant=tenant))
        seen = {}
        for scope in (Scope.STATS, Scope.ADMIN):
            shown = await door.key(scopes=frozenset({Scope.STATS, scope}))
            async with door.http.get("/v1/stats", headers=shown) as response:
                seen[scope] = (await response.json())["slow"]
            profile = await door.status("POST", "/v1/debug/profile?seconds=0.01", headers=shown)
            assert profile == (200 if scope is Scope.ADMIN else 403)
    assert len(seen[Scope.ADMIN]["statements"]) == 1
    assert len(seen[Scope.ADMIN]["keys"]) == 2
    assert seen[Scope.STATS]["statements"] == []
    assert [each["key"].split(":")[1] for each in seen[Scope.STATS]["keys"]] == ["acme"]


async def test_a_profile_is_text_while_requests_go_on(client: aiohttp.ClientSession) -> None:
    async def ask() -> None:
        while True:
            async with client.get("/healthz") as response:
                await response.read()

    asking = asyncio.create_task(ask())
    async with client.post("/v1/debug/profile", params={"seconds": "0.2"}) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain")
        assert "aiohttp" in await response.text() or "web_protocol" in await response.text()
    asking.cancel()


@pytest.mark.parametrize("query", ["seconds=0", "seconds=61", "seconds=x", "seconds=nan", "a=1"])
async def test_a_profile_that_cannot_be_is_refused(
    client: aiohttp.ClientSession, query: str
) -> None:
    async with client.post(f"/v1/debug/profile?{query}") as response:
        assert response.status == 400
