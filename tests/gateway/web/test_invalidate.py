"""``POST /v1/invalidate``, over real connections and a real upstream."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.assembly import Gateway
from gateway.events import Event, Invalidated
from tests.stub_upstream import Reply, StubUpstream
from tests.waiting import eventually

PATH = "/v1/invalidate"
RECORD = {"id": "1", "name": "Tylenol 500", "use": "It lowers fever."}


async def invalidate(client: aiohttp.ClientSession, body: object) -> tuple[int, Any]:
    async with client.post(PATH, data=orjson.dumps(body)) as response:
        return response.status, orjson.loads(await response.read())


async def ask(client: aiohttp.ClientSession, q: str = "tylenol", **params: str) -> str:
    query = {"source": "plain", "q": q, **params}
    async with client.get("/v1/search", params=query) as response:
        assert response.status == 200
        return response.headers["Cache-Status"]


@pytest.fixture(autouse=True)
def records(upstream: StubUpstream) -> None:
    upstream.default = Reply(records=[RECORD])


@pytest.mark.parametrize(
    "body",
    [
        {"source": "plain", "q": "Tylenol"},
        {"source": "plain"},
        {"source": "plain", "pattern": "TYL*"},
        {"source": "plain", "pattern": "*500"},
        {"item": {"source": "plain", "id": "1"}},
        {"item": {"source": "plain", "id": 1}},
        {"all": True},
        {"source": "plain", "wait": False},
    ],
)
async def test_what_was_withdrawn_is_fetched_anew(
    client: aiohttp.ClientSession, upstream: StubUpstream, body: dict[str, Any]
) -> None:
    await ask(client)
    assert "hit" in await ask(client)
    assert await invalidate(client, body) == (
        200,
        {"position": 1, "removed": {"database": 1, "redis": 0}},
    )
    assert "fwd=miss" in await ask(client)
    assert upstream.count == 2
    assert "hit" in await ask(client)


@pytest.mark.parametrize(
    "body",
    [
        {"source": "plain", "q": "other"},
        {"source": "medicine"},
        {"source": "plain", "pattern": "yl*"},
        {"item": {"source": "plain", "id": "2"}},
        {"item": {"source": "medicine", "id": "1"}},
        {"tag": "tylenol"},
    ],
)
async def test_what_was_not_named_is_served_on(
    client: aiohttp.ClientSession, body: dict[str, Any]
) -> None:
    await ask(client)
    status, told = await invalidate(client, body)
    assert (status, told["removed"]["database"]) == (200, 0)
    assert "hit" in await ask(client)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"all": False}, "/all"),
        ({"all": True, "tag": "x"}, "/tag"),
        ({"tag": ""}, "/tag"),
        ({"tag": 5}, "/tag"),
        ({"item": "1"}, "/item"),
        ({"item": {"source": "plain"}}, "/item/id"),
        ({"item": {"source": "plain", "id": "1", "x": 1}}, "/item/x"),
        ({"source": "plain", "pattern": "x" * 201}, "/pattern"),
        ({"source": "plain", "pattern": "x", "q": "y"}, "/q"),
        ({"source": "plain", "wait": "no"}, "/wait"),
        ({"source": 5}, "/source"),
    ],
)
async def test_a_body_that_names_nothing_is_a_problem_that_says_where(
    client: aiohttp.ClientSession, body: dict[str, Any], pointer: str
) -> None:
    status, problem = await invalidate(client, body)
    assert (status, problem["pointer"]) == (400, pointer)


async def test_an_unknown_source_or_parameter_is_told(client: aiohttp.ClientSession) -> None:
    status, problem = await invalidate(client, {"source": "plane"})
    assert (status, problem["nearest"]) == (404, ["plain"])
    status, problem = await invalidate(client, {"source": "plain", "q": "x", "colour": "red"})
    assert (status, problem["parameter"]) == (400, "colour")


async def test_listeners_are_told(client: aiohttp.ClientSession, gateway: Gateway) -> None:
    seen: list[Event] = []
    gateway.events.subscribe(seen.append)
    await invalidate(client, {"source": "plain", "pattern": "타이*"})
    told = [event for event in seen if isinstance(event, Invalidated)]
    assert told == [Invalidated(1, "pattern", told[0].tenant, "plain", "타이*")]


async def test_who_comes_after_a_withdrawal_is_not_answered_from_a_fetch_before_it(
    client: aiohttp.ClientSession, upstream: StubUpstream, gateway: Gateway
) -> None:
    upstream.gate.clear()
    before = asyncio.create_task(ask(client))
    await upstream.arrived(1)
    await invalidate(client, {"source": "plain"})
    after = asyncio.create_task(ask(client))
    await eventually(lambda: gateway.flights.waiters == 2)
    upstream.gate.set()
    await asyncio.gather(before, after)
    assert upstream.count == 2
    assert "hit" in await ask(client)
    assert upstream.count == 2


async def test_a_name_that_was_withdrawn_is_suggested_no_more(
    client: aiohttp.ClientSession,
) -> None:
    await ask(client)
    for names in (["Tylenol 500"], []):
        async with client.get("/v1/suggest", params={"source": "plain", "q": "tyl"}) as response:
            found = orjson.loads(await response.read())["suggestions"]
        assert [each["name"] for each in found] == names
        await invalidate(client, {"item": {"source": "plain", "id": "1"}})


async def test_a_database_that_cannot_withdraw_is_a_503(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    await ask(client)
    database = gateway.names._database
    await database.write(lambda c: c.execute("ALTER TABLE invalidations RENAME TO gone").rowcount)
    status, problem = await invalidate(client, {"source": "plain"})
    assert (status, problem["title"]) == (503, "Service Unavailable")
    await database.write(lambda c: c.execute("ALTER TABLE gone RENAME TO invalidations").rowcount)
    assert "hit" in await ask(client)


@pytest.mark.parametrize(("more", "waited"), [({}, 1), ({"wait": True}, 1), ({"wait": False}, 0)])
async def test_whoever_says_so_does_not_wait_for_other_replicas(
    client: aiohttp.ClientSession,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, bool],
    waited: int,
) -> None:
    waits: list[int] = []

    async def acknowledged(position: int) -> None:
        waits.append(position)

    monkeypatch.setattr(gateway.invalidations, "acknowledged", acknowledged)
    status, told = await invalidate(client, {"source": "plain", **more})
    assert (status, waits) == (200, [told["position"]] * waited)
