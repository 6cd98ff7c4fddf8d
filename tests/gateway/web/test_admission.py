from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import msgspec
import orjson
import pytest
from aiohttp import web

from gateway.access.identity import EVERYTHING, READING, Scope
from gateway.access.keys import new_key
from gateway.access.spec import AccessSection
from gateway.assembly import Gateway, open_gateway
from gateway.config import Config, ConfigError
from gateway.web.admission import ANYBODY, KNOWN, SCOPES
from gateway.web.app import ROUTES
from storage.access import ApiKeyStore
from storage.database import open_database
from tests.serving import decoded, served
from tests.stub_upstream import StubUpstream

SEARCH = {"source": "plain", "q": "aspirin"}


@dataclass
class Door:
    """A gateway that asks who is there, and the keys of its table."""

    gateway: Gateway
    http: aiohttp.ClientSession
    keys: ApiKeyStore

    async def key(self, tenant: str = "acme", **changes: Any) -> dict[str, str]:
        """Make a key; return the header that shows it."""
        key, shown = new_key(tenant, READING, created=1.0)
        await self.keys.add(replace(key, **changes).row)
        return {"Authorization": f"Bearer {shown}"}

    async def status(self, method: str, path: str, **options: Any) -> int:
        async with self.http.request(method, path, **options) as response:
            return response.status


@asynccontextmanager
async def opened(config: Config, **access: Any) -> AsyncIterator[Door]:
    section = AccessSection(**{"mode": "required", "token_secret": "s" * 32, **access})
    keys = await open_database(config.database.url)
    async with (
        open_gateway(msgspec.structs.replace(config, access=section)) as gateway,
        served(gateway) as http,
    ):
        # Keys are looked for in the table at most every 200 ms: the first look is over.
        yield Door(gateway, http, ApiKeyStore(keys.database))
    await keys.close()


@pytest.fixture
async def door(config: Config, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with opened(config) as door:
        yield door


def test_every_route_says_whom_it_lets_in() -> None:
    for route in ROUTES:
        assert isinstance(route, web.RouteDef)
        named = route.path in ANYBODY | KNOWN or route.method in SCOPES.get(route.path, {})
        assert named, f"{route.method} {route.path} stands in no list of admission.py"


async def test_who_shows_nothing_is_told_how_to_show_something(door: Door) -> None:
    async with door.http.get("/v1/search", params=SEARCH) as response:
        problem = await response.json(content_type="application/problem+json")
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="lookup-gateway"'
    assert problem["type"].endswith("unknown-caller")
    assert "API key" in problem["detail"]


@pytest.mark.parametrize(
    "shown",
    ["Bearer nonsense", "Bearer lgk_0123456789ab_" + "a" * 43, "Basic YTpi", "Bearer a.b.c"],
)
async def test_who_shows_nonsense_is_not_let_in(door: Door, shown: str) -> None:
    headers = {"Authorization": shown}
    assert await door.status("GET", "/v1/search", params=SEARCH, headers=headers) == 401


async def test_a_key_opens_what_its_scopes_name_and_nothing_else(door: Door) -> None:
    key = await door.key(scopes=frozenset({Scope.SEARCH}))
    assert await door.status("GET", "/v1/search", params=SEARCH, headers=key) == 200
    for method, path, needed in (
        ("GET", "/v1/suggest", "suggest"),
        ("POST", "/v1/search", "batch"),
        ("POST", "/v1/refresh", "invalidate"),
    ):
        async with door.http.request(method, path, headers=key, json={}) as response:
            assert response.status == 403
            assert f'scope="{needed}"' in response.headers["WWW-Authenticate"]


async def test_health_is_asked_by_anybody_and_unknown_paths_are_unknown(door: Door) -> None:
    assert await door.status("GET", "/healthz") == 200
    assert await door.status("GET", "/readyz") == 200
    assert await door.status("GET", "/v1/nothing") == 404
    assert await door.status("DELETE", "/v1/search") == 405


async def test_a_key_for_one_source_learns_nothing_of_the_others(door: Door) -> None:
    key = await door.key(sources=frozenset({"plain"}), scopes=EVERYTHING)
    async with door.http.get("/v1/sources", headers=key) as response:
        assert [each["name"] for each in (await response.json())["sources"]] == ["plain"]
    for path in ("/v1/search", "/v1/suggest", "/v1/search/stream"):
        asked = {"source": "medicine", "q": "aspirin"}
        async with door.http.get(path, params=asked, headers=key) as response:
            assert response.status == 404
            assert (await response.json(content_type=None))["nearest"] == []
    body = {"lookups": [{"source": "medicine", "q": "a"}, {"source": "plain", "q": "a"}]}
    async with door.http.post("/v1/search", json=body, headers=key) as response:
        answers = orjson.loads(await decoded(response))["answers"]
    assert [answer["status"] for answer in answers] == [404, 200]


async def test_a_revoked_key_is_refused_once_the_table_was_followed(door: Door) -> None:
    key = await door.key()
    assert await door.status("GET", "/v1/search", params=SEARCH, headers=key) == 200
    number = key["Authorization"].split("_")[1]
    await door.keys.revoke(number, time.time())
    while await door.status("GET", "/v1/search", params=SEARCH, headers=key) == 200:
        pass
    assert await door.status("GET", "/v1/search", params=SEARCH, headers=key) == 401


async def test_tenants_do_not_share_what_is_not_declared_public(
    door: Door, upstream: StubUpstream
) -> None:
    mine, theirs = await door.key("acme"), await door.key("beta")
    for key in (mine, theirs, mine):
        assert await door.status("GET", "/v1/search", params=SEARCH, headers=key) == 200
    assert len(upstream.calls) == 2
    async with door.http.get(
        "/v1/suggest", params={"source": "plain", "q": "aspirin"}, headers=await door.key("gamma")
    ) as response:
        assert (await response.json())["suggestions"] == []
    async with door.http.get(
        "/v1/suggest", params={"source": "plain", "q": "aspirin"}, headers=theirs
    ) as response:
        assert [each["name"] for each in (await response.json())["suggestions"]] == ["aspirin"]


async def test_tenants_share_what_is_declared_public(
    config: Config, upstream: StubUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    public = msgspec.structs.replace(config.sources["plain"], share="public")
    shared = msgspec.structs.replace(config, sources={**config.sources, "plain": public})
    async with opened(shared) as door:
        for tenant in ("acme", "beta"):
            key = await door.key(tenant)
            assert await door.status("GET", "/v1/search", params=SEARCH, headers=key) == 200
    assert len(upstream.calls) == 1


async def test_a_backend_mints_a_token_and_its_phone_searches_with_it(door: Door) -> None:
    key = await door.key()
    wanted = {"seconds": 60, "sources": ["plain"], "subject": "phone-1", "refresh": True}
    async with door.http.post("/v1/tokens", json=wanted, headers=key) as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        granted = await response.json()
    phone = {"Authorization": f"Bearer {granted['token']}"}
    assert await door.status("GET", "/v1/search", params=SEARCH, headers=phone) == 200
    other = {"source": "medicine", "q": "a"}
    assert await door.status("GET", "/v1/search", params=other, headers=phone) == 404
    assert await door.status("POST", "/v1/tokens", json={}, headers=phone) == 403
    renewing = {"refresh_token": granted["refresh_token"]}
    assert await door.status("POST", "/v1/tokens/refresh", json=renewing) == 200
    assert await door.status("POST", "/v1/tokens/refresh", json=renewing) == 401


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ({"seconds": 0}, "/seconds"),
        ({"seconds": 3601}, "/seconds"),
        ({"seconds": True}, "/seconds"),
        ({"scopes": ["fly"]}, "/scopes/0"),
        ({"scopes": []}, "/scopes"),
        ({"sources": ["nothing"]}, "/sources/0"),
        ({"rate": "fast"}, "/rate"),
        ({"rate": 5}, "/rate"),
        ({"subject": "a b"}, "/subject"),
        ({"refresh": "yes"}, "/refresh"),
        ({"admin": True}, "/admin"),
    ],
)
async def test_a_wish_that_cannot_be_is_told_with_its_place(
    door: Door, wanted: dict[str, object], place: str
) -> None:
    async with door.http.post("/v1/tokens", json=wanted, headers=await door.key()) as response:
        assert response.status == 400
        assert (await response.json(content_type=None))["pointer"] == place


async def test_without_a_secret_no_tokens_are_minted(config: Config) -> None:
    async with opened(config, mode="open", token_secret="") as door:
        assert await door.status("POST", "/v1/tokens", json={}) == 404


async def test_a_public_address_with_nobody_to_let_in_is_refused_at_the_start(
    config: Config,
) -> None:
    everywhere = msgspec.structs.replace(config.server, host="0.0.0.0")
    public = msgspec.structs.replace(config, server=everywhere)
    with pytest.raises(ConfigError, match=r"access\.mode.*mode: open"):
        async with open_gateway(public):
            pass
    said = msgspec.structs.replace(public, access=AccessSection(mode="open"))
    async with open_gateway(said) as gateway:
        assert gateway.access.authenticator.open


async def test_no_secret_is_in_any_answer_or_log_line(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    key = await door.key()
    secret = key["Authorization"].rpartition("_")[2]
    wrong = {"Authorization": key["Authorization"][:-3] + "zzz"}
    for headers in (key, wrong):
        async with door.http.get("/v1/search", params=SEARCH, headers=headers) as response:
            assert secret[:30] not in await response.text() + str(response.headers)
    out = capsys.readouterr()
    assert secret[:30] not in out.out + out.err


async def test_what_a_key_has_minted_stands_in_the_audit_for_admins(door: Door) -> None:
    key, admin = await door.key(), await door.key(scopes=EVERYTHING)
    await door.status("POST", "/v1/tokens", json={"subject": "phone-1"}, headers=key)
    assert await door.status("GET", "/v1/audit", headers=key) == 403
    rows: list[dict[str, str]] = []
    while not rows:
        async with door.http.get("/v1/audit", params={"limit": "5"}, headers=admin) as response:
            rows = (await response.json())["audit"]
    number = key["Authorization"].split("_")[1]
    assert (rows[0]["tenant"], rows[0]["action"]) == ("acme", "token.minted")
    assert (rows[0]["who"], rows[0]["target"]) == (f"key:{number}", f"token:{number}:phone-1")
    assert await door.status("GET", "/v1/audit", params={"page": "1"}, headers=admin) == 400
