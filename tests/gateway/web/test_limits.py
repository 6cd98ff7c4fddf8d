"""A client that asks too often, over real connections."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import orjson
import pytest
from aiohttp import web
from aiohttp.web_request import Request

from gateway.access.identity import READING, Identity
from gateway.assembly import Gateway
from gateway.rates import ClientsSpec, networks
from gateway.web.keys import IDENTITY
from gateway.web.limits import ClientLimits, limit_clients
from gateway.web.middlewares import MIDDLEWARES, Handler
from gateway.web.server import listening
from tests.clocks import ManualClock
from tests.serving import served
from tests.stub_upstream import StubUpstream


@asynccontextmanager
async def limited(
    spec: ClientsSpec | None, clock: ManualClock, *trusted: str
) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve one path; who asks is what the header ``Who`` names: tenant, name and rate."""

    async def answer(_request: Request) -> web.Response:
        return web.Response(text="here")

    @web.middleware
    async def identify(request: Request, handler: Handler) -> web.StreamResponse:
        if "Who" in request.headers:
            tenant, name, rate = request.headers["Who"].split(",")
            request[IDENTITY] = Identity(tenant, name, READING, rate=rate)
        return await handler(request)

    app = web.Application(middlewares=(*MIDDLEWARES, identify))
    limit_clients(app, ClientLimits(spec, networks(trusted), clock))
    app.add_routes([web.get(path, answer) for path in ("/v1/here", "/healthz")])
    async with (
        listening(app, "127.0.0.1", 0) as (host, port),
        aiohttp.ClientSession(f"http://{host}:{port}") as session,
    ):
        yield session


async def ask(
    client: aiohttp.ClientSession, path: str = "/v1/here", **headers: str
) -> aiohttp.ClientResponse:
    async with client.get(path, headers=headers) as response:
        await response.read()
        return response


async def test_every_answer_says_what_is_left_and_a_429_when_to_come_back(
    clock: ManualClock,
) -> None:
    async with limited(ClientsSpec(rate="2/min"), clock) as client:
        first, second, third = [await ask(client) for _ in range(3)]
        assert [each.status for each in (first, second, third)] == [200, 200, 429]
        assert first.headers["RateLimit-Policy"] == '"client";q=2;w=60'
        assert first.headers["RateLimit"] == '"client";r=1;t=30'
        assert third.headers["RateLimit"] == '"client";r=0;t=60'
        assert third.headers["Retry-After"] == "30"
        assert third.content_type == "application/problem+json"
        clock.advance(30)
        assert (await ask(client)).status == 200


async def test_a_header_that_anybody_can_send_gives_nobody_a_new_quota(clock: ManualClock) -> None:
    async with limited(ClientsSpec(rate="1/min"), clock) as client:
        answers = [await ask(client, **{"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(3)]
        assert [each.status for each in answers] == [200, 429, 429]


async def test_behind_a_trusted_proxy_each_client_has_its_own_quota(clock: ManualClock) -> None:
    async with limited(ClientsSpec(rate="1/min"), clock, "127.0.0.0/8") as client:
        for number in range(3):
            forwarded = {"X-Forwarded-For": f"6.6.6.6, 203.0.113.{number}"}
            assert (await ask(client, **forwarded)).status == 200
            assert (await ask(client, **forwarded)).status == 429


async def test_tenants_are_counted_apart_and_a_key_may_have_its_own_rate(
    clock: ManualClock,
) -> None:
    async with limited(ClientsSpec(rate="1/min"), clock) as client:
        for who, statuses in (
            ("acme,app,", [200, 429]),
            ("other,app,", [200, 429]),
            ("acme,another,", [429, 429]),
            ("third,app,2/min", [200, 200, 429]),
        ):
            assert [(await ask(client, Who=who)).status for _ in statuses] == statuses


async def test_without_a_limit_only_a_key_with_a_rate_is_counted(clock: ManualClock) -> None:
    async with limited(None, clock) as client:
        for _ in range(100):
            answer = await ask(client)
            assert (answer.status, "RateLimit" in answer.headers) == (200, False)
        who = "acme,app,1/h"
        assert [(await ask(client, Who=who)).status for _ in range(2)] == [200, 429]


async def test_probes_are_not_counted(clock: ManualClock) -> None:
    async with limited(ClientsSpec(rate="1/d"), clock) as client:
        assert {(await ask(client, "/healthz")).status for _ in range(5)} == {200}


@pytest.mark.parametrize("rate", ["3/h"])
async def test_the_gateway_counts_as_its_configuration_says(
    gateway: Gateway, upstream: StubUpstream, rate: str
) -> None:
    config = msgspec.structs.replace(gateway.config, clients=ClientsSpec(rate=rate))
    async with served(dataclasses.replace(gateway, config=config)) as client:
        path = "/v1/search?source=plain&q=a"
        answers = [await ask(client, path) for _ in range(4)]
        assert [each.status for each in answers] == [200, 200, 200, 429]
        assert answers[0].headers["RateLimit-Policy"] == '"client";q=3;w=3600'
        lookups = {"lookups": [{"source": "plain", "q": f"b {n}"} for n in range(3)]}
        async with client.post("/v1/search", data=orjson.dumps(lookups)) as response:
            assert response.status == 429
        assert upstream.count == 1
