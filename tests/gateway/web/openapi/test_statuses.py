"""Every status that a route is described to answer with is one that it does answer with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from operator import attrgetter

import aiohttp
import msgspec
import pytest

from adapters.sources.units import Duration
from gateway.access.identity import EVERYTHING, Scope
from gateway.assembly import Gateway, open_gateway
from gateway.config import Config
from gateway.rates import ClientsSpec
from gateway.web.openapi.document import DESCRIBED, statuses
from storage.tier import TierError
from tests.gateway.web.openapi import bulk_cases
from tests.gateway.web.openapi.cases import (
    ASKED,
    BROKEN,
    EVERYWHERE,
    RAW,
    STORE_FAILS,
    UPSTREAM,
    UPSTREAM_FAILS,
    Case,
)
from tests.gateway.web.raw_http import talk
from tests.gateway.web.test_admission import Door, opened
from tests.serving import served
from tests.stub_upstream import StubUpstream


def test_every_status_that_is_described_is_provoked_here() -> None:
    provoked = defaultdict(set)
    for case in (*ASKED, *UPSTREAM_FAILS, *STORE_FAILS, *EVERYWHERE):
        provoked[case.method, case.path].add(case.status)
    assert provoked == {each: set(statuses(*each)) for each in DESCRIBED}
    assert len({(c.method, c.path, c.status) for c in ASKED}) == len(ASKED)


class Worlds:
    """Gateways as the cases want them."""

    def __init__(self, config: Config, stack: AsyncExitStack) -> None:
        self._config = config
        self._stack = stack
        self._open: aiohttp.ClientSession | None = None
        self._door: Door | None = None

    async def status(self, case: Case) -> int:
        client, headers = await self._client(case.world)
        options = {**case.options, "headers": {**case.options.get("headers", {}), **headers}}
        if case.world == "minted":
            async with client.post("/v1/tokens", json={"refresh": True}, headers=headers) as minted:
                options = {"json": {"refresh_token": (await minted.json())["refresh_token"]}}
        url = case.url
        if case.status in (200, 204):
            for path, new in bulk_cases.NEW.items():
                if case.path.startswith(path):
                    base = path.removesuffix("/{id}")
                    async with client.post(base, json=new, headers=headers) as made:
                        url = case.path.replace("{id}", (await made.json())["id"])
        async with client.request(case.method, url, **options) as response:
            return response.status

    async def open(self) -> aiohttp.ClientSession:
        if self._open is None:
            gateway = await self._stack.enter_async_context(open_gateway(self._config))
            self._open = await self._stack.enter_async_context(served(gateway))
        return self._open

    async def _client(self, world: str) -> tuple[aiohttp.ClientSession, dict[str, str]]:
        if world == "open":
            return await self.open(), {}
        if self._door is None:
            self._door = await self._stack.enter_async_context(opened(self._config))
        door = self._door
        scopes = {"key": EVERYTHING, "minted": EVERYTHING, "poor": frozenset[Scope]()}.get(world)
        return door.http, {} if scopes is None else await door.key(scopes=scopes)


@pytest.fixture
def config(config: Config) -> Config:
    """Give upstreams up soon: one of them hangs."""
    replace = msgspec.structs.replace
    plain = config.sources["plain"]
    assert plain.request is not None
    hasty = replace(plain, request=replace(plain.request, timeout=Duration(1)))
    return replace(config, sources={**config.sources, "plain": hasty})


@pytest.fixture
async def worlds(config: Config, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worlds]:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with AsyncExitStack() as stack:
        yield Worlds(config, stack)


async def test_requests_get_the_statuses_that_are_described(worlds: Worlds) -> None:
    cases = ASKED + [each for each in EVERYWHERE if each.status in (401, 403, 413, 415)]
    found = {case: await worlds.status(case) for case in cases}
    assert {f"{c.method} {c.path}": s for c, s in found.items() if s != c.status} == {}


async def test_what_is_no_request_or_too_long_is_refused_anywhere(worlds: Worlds) -> None:
    url = (await worlds.open())._base_url
    assert url is not None
    assert url.port is not None
    for case in EVERYWHERE:
        if case.status not in (400, 414, 431):
            continue
        target = case.url + ("?" + "a" * 9000 if case.status == 414 else "")
        head = f"{case.method} {target} HTTP/1.1\r\nHost: a\r\n".encode()
        raw = (await talk(url.port, [head + RAW.get(case.status, b"") + b"\r\n"], 1))[0]
        assert (case.path, raw.status) == (case.path, case.status)
        assert raw.headers["content-type"] == "application/problem+json"


async def test_whoever_asks_too_often_is_held_back_on_every_such_route(config: Config) -> None:
    spec = ClientsSpec(rate="1/d")
    limited = msgspec.structs.replace(config, clients=spec)
    async with open_gateway(limited) as gateway, served(gateway) as client:
        async with client.get("/v1/sources") as first:
            assert first.status == 200
        for case in EVERYWHERE:
            if case.status == 429:
                async with client.request(case.method, case.url) as response:
                    assert (case.path, response.status) == (case.path, 429)


@pytest.mark.parametrize("case", UPSTREAM_FAILS, ids=lambda c: f"{c.path}-{c.status}")
async def test_what_fails_upstream_gets_the_status_that_is_described(
    worlds: Worlds, upstream: StubUpstream, case: Case
) -> None:
    upstream.default = UPSTREAM[case.status]
    assert await worlds.status(case) == case.status


@pytest.mark.parametrize("case", STORE_FAILS, ids=lambda c: c.path)
async def test_a_store_that_does_not_answer_is_a_503(
    gateway: Gateway, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise TierError("away")

    if case.path == "/readyz":
        gateway.warmth.begin()  # nothing that is away makes it unready
    part, methods = BROKEN[case.path.partition("/{id}")[0]]
    owner = gateway.access.audit if part == "audit" else attrgetter(part)(gateway)
    for method in methods.split():
        monkeypatch.setattr(type(owner), method, away)
    async with client.request(case.method, case.url, **case.options) as response:
        assert response.status == 503
