"""``GET /v1/events`` as its clients see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.access.identity import Scope
from gateway.assembly import Gateway
from gateway.config import Config
from gateway.events import CircuitChanged, Invalidated, Stored
from tests.gateway.fleet.fleet import gateways
from tests.gateway.web.test_admission import opened
from tests.servers.valkey import Valkey
from tests.serving import served
from tests.stub_upstream import Reply, StubUpstream

PATH = "/v1/events"
BEGIN = {"Last-Event-ID": "0-0"}


@dataclass(frozen=True)
class Seen:
    """One event as it came."""

    id: str
    type: str
    data: dict[str, Any]


class Stream:
    """What one client reads."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> Seen:
        """Return the next event; comments are passed over."""
        members: dict[str, str] = {}
        async with asyncio.timeout(30):
            async for raw in self.response.content:
                line = raw.decode().rstrip("\n")
                if line.startswith(":"):
                    continue
                if not line and members:
                    data = orjson.loads(members["data"])
                    return Seen(members.get("id", ""), members.get("event", ""), data)
                name, _, value = line.partition(": ")
                if name:
                    members[name] = value
        raise AssertionError("the stream has ended")


@asynccontextmanager
async def following(client: aiohttp.ClientSession, **options: Any) -> AsyncIterator[Stream]:
    async with client.get(PATH, **options) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        stream = Stream(response)
        await response.content.readline()  # the first comment: from here on nothing is missed
        yield stream


def stored(key: str) -> Stored:
    return Stored("medicine", f"v1:public:medicine:{key}", 100)


async def test_a_lookup_that_is_fetched_is_told_of(
    gateway: Gateway, client: aiohttp.ClientSession
) -> None:
    async with following(client) as stream:
        async with client.get("/v1/search", params={"source": "medicine", "q": "aspirin"}):
            pass
        seen = await stream.next()
    assert (seen.type, seen.data["type"]) == ("answer.stored", "answer.stored")
    assert seen.data["data"]["source"] == "medicine"


async def test_a_client_reads_on_where_it_was_cut_off(
    gateway: Gateway, client: aiohttp.ClientSession
) -> None:
    async with following(client) as stream:
        for key in ("a", "b"):
            gateway.events.emit(stored(key))
        first = await stream.next()
    for how in ({"headers": {"Last-Event-ID": first.id}}, {"params": {"after": first.id}}):
        async with following(client, **how) as stream:
            keys = [(await stream.next()).data["data"]["key"][-1]]
            gateway.events.emit(stored("c"))
            # Nothing twice: it goes on behind what it has told.
            keys += [(await stream.next()).data["data"]["key"][-1]]
        assert keys == ["b", "c"]


async def test_what_is_forgotten_is_a_gap(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    async with client.get(PATH, headers={"Last-Event-ID": "1000-0"}) as response:
        assert (await Stream(response).next()).type == "gap"


async def test_an_id_that_is_none_is_a_400(client: aiohttp.ClientSession) -> None:
    async with client.get(PATH, headers={"Last-Event-ID": "yesterday"}) as response:
        assert response.status == 400


async def test_a_tenant_hears_nothing_of_anothers(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with opened(config) as door:
        key = await door.key("acme", scopes=frozenset({Scope.STATS}))
        async with following(door.http, headers=key) as stream:
            door.gateway.events.emit(Stored("plain", "v1:other:plain:1", 1))
            door.gateway.events.emit(Stored("plain", "v1:acme:plain:2", 1))
            assert (await stream.next()).data["data"]["key"] == "v1:acme:plain:2"


async def test_the_gateways_end_ends_the_streams(gateway: Gateway) -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as outside:
        async with served(gateway) as client:
            url = str(client._base_url)
            response = await outside.get(url.rstrip("/") + PATH)
            await response.content.readline()
        assert await response.content.read() == b"\n"


@pytest.mark.parametrize("kind", ["circuit", "withdrawal"])
async def test_every_replica_tells_what_happens_at_any_of_them_once(
    tmp_path: Path, valkey_server: Valkey, kind: str
) -> None:
    async with (
        StubUpstream(Reply()) as upstream,
        gateways(tmp_path, upstream, valkey_server.url, 2) as (one, other),
        served(one) as client,
        following(client) as stream,
    ):
        if kind == "circuit":
            other.events.emit(CircuitChanged("s", "closed", "open"))
            expected = "circuit.opened"
        else:
            for replica in (one, other):
                replica.events.emit(Invalidated(7, "all", "public", "", ""))
            expected = "answer.invalidated"
        other.events.emit(Stored("s", "v1:public:s:1", 1))
        seen = {(await stream.next()).type, (await stream.next()).type}
        assert seen == {"answer.stored", expected}
