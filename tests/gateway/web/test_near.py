"""``lat``, ``lon`` and ``radius``: one upstream call for a cell, each asker's own distances."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.assembly import open_gateway
from gateway.config import load_config
from tests.recordings import Recorded, Upstream, serving
from tests.serving import decoded, served

CONFIG = """
database: {url: "sqlite+aiosqlite:///FOLDER/lookup.db"}
sources:
  pharmacies:
    params:
      lat: {type: float, min: 33, max: 39, required: true}
      lon: {type: float, min: 124, max: 132, required: true}
      radius: {type: int, max: 20000}
    location: {grid: 0.005}
    request:
      url: "BASE/near"
      params: {lat: "{lat}", lon: "{lon}", radius: "{radius}"}
      allow_private: true
    response:
      fields: {name: name, lat: {path: lat, cast: float}, lon: {path: lon, cast: float}}
    summary: {by: none}
"""
ROWS = [
    {"id": "west", "name": "West", "lat": "37.5650", "lon": "126.9750"},
    {"id": "east", "name": "East", "lat": "37.5650", "lon": "126.9850"},
]
WEST, EAST = {"lat": "37.5649", "lon": "126.9776"}, {"lat": "37.5651", "lon": "126.9824"}

Client = tuple[aiohttp.ClientSession, Upstream]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    upstream = Upstream(Recorded(json.dumps(ROWS).encode()))
    async with serving(upstream.handle) as base:
        text = CONFIG.replace("BASE", base).replace("FOLDER", str(tmp_path))
        (tmp_path / "config.yaml").write_text(text)
        config = load_config(tmp_path / "config.yaml", {})
        async with open_gateway(config) as gateway, served(gateway) as session:
            yield session, upstream


async def get(client: Client, **params: str) -> tuple[aiohttp.ClientResponse, Any]:
    asked = {"source": "pharmacies", **params}
    async with client[0].get("/v1/search", params=asked) as response:
        return response, json.loads(await decoded(response))


def told(answer: Any) -> list[tuple[str, int]]:
    return [(item["id"], item["distance_m"]) for item in answer["items"]]


async def test_neighbors_share_one_call_and_each_is_told_its_own_distances(client: Client) -> None:
    first, west = await get(client, **WEST)
    second, east = await get(client, **EAST)
    third, again = await get(client, **WEST)
    assert [request.query_string for request in client[1].requests] == ["lat=37.565&lon=126.98"]
    for _ in range(2):
        assert (await get(client, **WEST))[1] == again
    assert told(west) == told(again) == [("west", 229), ("east", 652)]
    assert told(east) == [("east", 229), ("west", 652)]
    assert "hit" in second.headers["Cache-Status"]
    assert first.headers["ETag"] == third.headers["ETag"] != second.headers["ETag"]


async def test_what_is_beyond_the_radius_is_not_told_and_more_was_asked_for(client: Client) -> None:
    _, answer = await get(client, **WEST, radius="300")
    assert (told(answer), answer["total"]) == ([("west", 229)], 1)
    assert client[1].query == "lat=37.565&lon=126.98&radius=750"
    _, answer = await get(client, **EAST, radius="390", limit="1", fields="distance_m")
    assert answer["items"] == [{"id": "east", "distance_m": 229}]
    _, answer = await get(client, **WEST, radius="10")
    assert (answer["items"], answer["total"], answer["summary"]) == ([], 0, None)


async def test_every_way_to_ask_tells_the_distance(client: Client) -> None:
    lookups = {"lookups": [{"source": "pharmacies", **WEST}, {"source": "pharmacies", **EAST}]}
    async with client[0].post("/v1/search", json=lookups) as response:
        answers = json.loads(await decoded(response))["answers"]
    assert [told(each["answer"])[0] for each in answers] == [("west", 229), ("east", 229)]
    asked = {"source": "pharmacies", **EAST}
    async with client[0].get("/v1/search/stream", params=asked) as response:
        events = (await decoded(response)).decode()
    assert '"distance_m":652' in events
    assert len(client[1].requests) == 1


async def test_a_source_that_has_no_such_field_offers_it_all_the_same(client: Client) -> None:
    async with client[0].get("/v1/sources") as response:
        (source,) = json.loads(await decoded(response))["sources"]
    assert source["fields"] == ["distance_m", "id", "lat", "lon", "name"]
