from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from gateway import VERSION
from gateway.access.identity import Scope
from gateway.assembly import Gateway
from gateway.config import Config
from gateway.events import Summarized
from gateway.lookup import Lookup
from tests.clocks import ManualClock
from tests.gateway.web.test_admission import opened
from tests.waiting import eventually


async def stats(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get("/v1/stats") as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        told: dict[str, Any] = await response.json()
        return told


async def ask(client: aiohttp.ClientSession, q: str) -> None:
    async with client.get("/v1/search", params={"source": "medicine", "q": q}) as response:
        assert response.status == 200


async def test_tiers_tell_hits_misses_and_percentiles(client: aiohttp.ClientSession) -> None:
    for q in ("aspirin", "aspirin", "aspirin", "ibuprofen"):
        await ask(client, q)

    async def all_told() -> bool:
        # Hits that are answered before aiohttp parses them are counted a moment later.
        return bool((await stats(client))["lookups"]["answered"] == {"miss": 2, "hit": 2})

    await eventually(all_told)
    told = await stats(client)
    memory, database = told["tiers"]["memory"], told["tiers"]["database"]
    assert (memory["hits"], memory["misses"], memory["hit_ratio"]) == (2, 2, 0.5)
    assert (database["hits"], database["misses"], database["hit_ratio"]) == (0, 2, 0.0)
    assert 0 < memory["latency_ms"]["p50"] <= memory["latency_ms"]["p99"]
    assert told["lookups"]["latency_ms"]["p95"] > 0
    assert told["flights"] == {"count": 0, "waiters": 0, "oldest_seconds": 0.0}
    assert told["breakers"]["medicine"] == "closed"
    assert (told["version"], told["races"], told["popular"]) == (VERSION, {}, [])
    assert told["uptime_seconds"] > 0


async def test_quotas_tell_what_is_used_of_them(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    assert set((await stats(client))["quotas"]) == {"medicine", "pharmacy", "plain"}
    await gateway.meters["plain"].claim()
    assert (await stats(client))["quotas"]["plain"] == {"day": {"used": 1, "limit": 1000}}


async def test_money_is_told_for_today_by_source_tenant_and_model(
    client: aiohttp.ClientSession, gateway: Gateway, clock: ManualClock
) -> None:
    await ask(client, "aspirin")
    key = Lookup("medicine", "aspirin", tenant="app").key
    events = gateway.events
    events.emit(Summarized("medicine", key, "openai:m", 1.0, 10, 3, 4, "m", 0.25))
    events.emit(Summarized("medicine", key, "openai:m", 1.0, None, None, None, "m", None))
    today = (await stats(client))["spend"]["today"]
    assert today["day"] == "2027-01-15"
    assert (today["spent_usd"], today["saved_usd"], today["wasted_usd"]) == (0.25, 0.0, 0.0)
    assert (today["calls"], today["unknown_calls"]) == (3, 1)
    assert today["by_model"] == {
        "m": {
            "calls": 2,
            "unknown_calls": 1,
            "spared_calls": 0,
            "prompt_tokens": 10,
            "cached_tokens": 4,
            "completion_tokens": 3,
            "spent_usd": 0.25,
            "saved_usd": 0.0,
            "wasted_usd": 0.0,
        }
    }
    assert today["by_source"]["medicine"]["calls"] == 3
    assert {name: sums["calls"] for name, sums in today["by_tenant"].items()} == {
        "app": 2,
        "public": 1,
    }
    clock.advance(86_400)
    assert (await stats(client))["spend"]["today"]["calls"] == 0


async def test_who_is_no_admin_sees_the_money_of_their_own_tenant(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with opened(config) as door:
        for tenant, usd in (("acme", 0.25), ("other", 0.5)):
            key = Lookup("medicine", "aspirin", tenant=tenant).key
            door.gateway.events.emit(
                Summarized("medicine", key, "openai:m", 1.0, 10, 3, 4, "m", usd)
            )
        scopes = (Scope.STATS, Scope.ADMIN)
        keys = {scope: await door.key(scopes=frozenset({Scope.STATS, scope})) for scope in scopes}
        seen = {}
        for scope, shown in keys.items():
            async with door.http.get("/v1/stats", headers=shown) as response:
                assert response.status == 200
                told = await response.json()
            seen[scope] = told["spend"]["today"]
        assert set(seen[Scope.STATS]["by_tenant"]) == {"acme"}
        assert seen[Scope.STATS]["spent_usd"] == 0.25
        assert set(seen[Scope.ADMIN]["by_tenant"]) == {"acme", "other"}
        assert seen[Scope.ADMIN]["spent_usd"] == 0.75


async def test_what_is_asked_most_is_told_to_those_who_want_to_know(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    for q in ("aspirin", "ibuprofen", *["aspirin"] * 5):
        await ask(client, q)

    async def popular(limit: int) -> list[dict[str, Any]]:
        await gateway.popularity.flush()
        async with client.get("/v1/stats", params={"popular": limit}) as response:
            told: list[dict[str, Any]] = (await response.json())["popular"]
            return told

    async def all_counted() -> bool:
        # Hits that are answered before aiohttp parses them are counted a moment later.
        return bool((await popular(1))[0]["lookups"] == 6.0)

    await eventually(all_counted)
    first, second = await popular(20)
    assert (first["source"], first["query"], second["query"]) == (
        "medicine",
        "aspirin",
        "ibuprofen",
    )
    for wrong in ({"popular": "0"}, {"popular": "x"}, {"top": "1"}):
        async with client.get("/v1/stats", params=wrong) as response:
            assert response.status == 400
            assert (await response.json(content_type=None))["parameter"] == next(iter(wrong))


async def test_who_is_no_admin_sees_what_their_own_tenant_asks(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with opened(config) as door:
        own = frozenset({Scope.STATS, Scope.SEARCH})
        keys = {
            "acme": await door.key("acme", scopes=own),
            "other": await door.key("other", scopes=own),
            "admin": await door.key("root", scopes=own | {Scope.ADMIN}),
        }
        for tenant, q in (("acme", "aspirin"), ("other", "ibuprofen")):
            params = {"source": "medicine", "q": q}
            assert (
                await door.status("GET", "/v1/search", params=params, headers=keys[tenant]) == 200
            )
        await door.gateway.popularity.flush()
        seen = {}
        for name, shown in keys.items():
            async with door.http.get("/v1/stats?popular=9", headers=shown) as response:
                seen[name] = sorted(each["query"] for each in (await response.json())["popular"])
    assert seen == {
        "acme": ["aspirin"],
        "other": ["ibuprofen"],
        "admin": ["aspirin", "ibuprofen"],
    }
