"""With too much to do, lookups that nothing ready answers are refused before they are parsed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp
import pytest

from gateway.assembly import Gateway, open_gateway
from gateway.config import Config
from gateway.events import Event, Responded
from gateway.shedding import Door
from gateway.web import entrance
from tests.serving import served
from tests.waiting import eventually

HIT = "/v1/search?source=plain&q=aspirin"
MISS = "/v1/search?source=plain&q=ibuprofen"


@dataclass
class Site:
    gateway: Gateway
    session: aiohttp.ClientSession
    seen: list[Event]

    @property
    def door(self) -> Door:
        return self.gateway.resolver.shedding.door

    async def get(self, target: str, **headers: str) -> Told:
        """Ask on a connection that was asked before: only there is a request looked at."""
        async with self.session.get("/healthz"):
            pass
        async with self.session.get(target, headers=headers) as response:
            return Told(response.status, response.headers, await response.read())


class Told(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


@pytest.fixture
async def site(config: Config) -> AsyncIterator[Site]:
    seen: list[Event] = []
    async with open_gateway(config) as gateway:
        gateway.events.subscribe(seen.append)
        async with served(gateway) as session:
            yield Site(gateway, session, seen)


async def test_a_miss_is_refused_and_a_hit_goes_on(site: Site) -> None:
    for _ in range(2):
        await site.get(HIT)
    site.door.limit = 0
    assert (await site.get(HIT)).status == 200
    refused = await site.get(MISS)
    # How this client spells the name of a line that always differs is learned the first time.
    assert (await site.get("/v1/search?source=no&q=a", **{"X-Request-Id": "mine"})).status == 404
    again = await site.get(MISS, **{"X-Request-Id": "other"})
    assert (refused.status, again.status) == (503, 503)
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert again.headers["X-Request-Id"] == "other"
    problem = json.loads(refused.body)
    assert problem["type"] == "urn:problem-type:lookup-gateway:overloaded"
    assert (problem["status"], problem["instance"]) == (503, "/v1/search")
    assert (await site.get("/healthz")).status == 200
    site.door.limit = 10
    assert (await site.get(MISS)).status == 200


async def test_what_is_unusual_is_left_to_the_handler(site: Site) -> None:
    site.door.limit = 0
    assert (await site.get(MISS, Origin="https://a.example")).status == 200
    assert (await site.get(HIT, Te="trailers")).status == 200


async def test_refusals_are_told_together(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "FLUSH", 2.0)  # longer than even a busy machine takes for five
    site.door.limit = 0
    for _ in range(5):
        assert (await site.get(MISS)).status == 503

    def told() -> list[Responded]:
        events = (each for each in site.seen if isinstance(each, Responded))
        return [each for each in events if each.route == "/v1/search"]

    await eventually(lambda: sum(each.count for each in told()) == 5)
    assert [(each.method, each.status) for each in told()] == [("GET", 503)]
    assert site.gateway.resolver.shedding.refused == 5


async def test_everybody_who_came_in_is_gone_when_answered_or_gone(site: Site) -> None:
    await asyncio.gather(*(site.get(f"{MISS}{n}") for n in range(8)))
    await site.get("/v1/search?source=nowhere&q=a")
    url = site.session._base_url
    assert url is not None
    for header in ("Host: a", "no header"):
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"GET {MISS}&limit=1 HTTP/1.1\r\n{header}\r\n\r\n".encode())
        writer.close()
    await eventually(lambda: site.door.inside == 0)
