"""``POST /v1/search`` and ``POST /v1/refresh``, over real connections and a real upstream."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import aiohttp
import orjson
import pytest

from tests.clocks import ManualClock
from tests.serving import decoded
from tests.stub_upstream import Reply, StubUpstream

SEARCH, REFRESH = "/v1/search", "/v1/refresh"
TYLENOL = {"source": "medicine", "q": "타이레놀"}


async def post(
    client: aiohttp.ClientSession, path: str, body: object, **headers: str
) -> tuple[aiohttp.ClientResponse, Any]:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with client.post(path, data=data, headers=headers) as response:
        return response, orjson.loads(await decoded(response))


async def batch(client: aiohttp.ClientSession, *lookups: object) -> list[Any]:
    response, body = await post(client, SEARCH, {"lookups": lookups})
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    answers: list[Any] = body["answers"]
    return answers


async def get(client: aiohttp.ClientSession, params: dict[str, str]) -> bytes:
    async with client.get(SEARCH, params=params) as response:
        assert response.status == 200
        return await decoded(response)


async def test_lookups_are_answered_in_their_order(client: aiohttp.ClientSession) -> None:
    texts = [f"name {n}" for n in range(20)]
    answers = await batch(client, *({"source": "plain", "q": text} for text in texts))
    assert [each["answer"]["query"] for each in answers] == texts
    assert {each["status"] for each in answers} == {200}
    assert answers[0]["cache_status"] == "lookup-gateway; fwd=miss; stored"
    assert answers[0]["age"] == 0


async def test_a_batch_makes_one_call_for_each_distinct_lookup(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    same = [{"source": "plain", "q": spelling} for spelling in ("Advil", " advil", "ＡＤＶＩＬ")]
    answers = await batch(client, *same * 30, {"source": "plain", "q": "other"})
    assert upstream.count == 2
    assert len({orjson.dumps(each) for each in answers}) == 2


async def test_the_answer_in_a_batch_is_the_answer_byte_for_byte(
    client: aiohttp.ClientSession,
) -> None:
    views: list[dict[str, str]] = [{}, {"fields": "name"}, {"summary": "none"}, {"limit": "1"}]
    asked = [TYLENOL | view for view in views]
    alone = [await get(client, each) for each in asked]
    async with client.post(SEARCH, json={"lookups": asked}) as response:
        whole = await decoded(response)
    assert all(body in whole for body in alone)


async def test_a_bad_item_gets_its_own_problem_and_spoils_no_other(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.script(Reply(status=500))
    answers = await batch(
        client,
        {"source": "plain", "q": "fails"},
        {"source": "nowhere", "q": "a"},
        {"source": "plain", "q": "a", "lmit": 1},
        "a",
        {"source": "pharmacy", "q": "a"},
    )
    told = [(each["status"], each["problem"]["instance"]) for each in answers]
    place = "/v1/search#/lookups/"
    assert told == [
        (502, f"{place}0"),
        *((s, f"{place}{n + 1}") for n, s in enumerate((404, *[400] * 3))),
    ]
    assert [each["problem"].get("parameter") for each in answers] == [
        None,
        None,
        "lmit",
        None,
        "city",
    ]
    assert answers[3]["problem"]["pointer"] == "/lookups/3"


async def test_numbers_and_nulls_are_parameters_as_in_a_query(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    near = {"source": "pharmacy", "q": "a", "city": "Seoul"}
    answers = await batch(
        client,
        near | {"radius": 700, "limit": 1, "keyword": None, "fields": ["name", "maker"]},
        near | {"radius": 9999},
        near | {"radius": True},
        near | {"radius": {}},
    )
    assert [each["status"] for each in answers] == [200, 400, 400, 400]
    assert set(answers[0]["answer"]["items"][0]) <= {"id", "name", "maker"}
    await get(client, {**near, "radius": "700"})
    assert upstream.count == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"{", ""),
        (b"\xff", ""),
        (b"[]", ""),
        ({}, "/lookups"),
        ({"lookups": {}}, "/lookups"),
        ({"lookups": [TYLENOL] * 101}, "/lookups"),
        ({"lookups": [], "lookup": 1}, "/lookup"),
    ],
)
async def test_a_body_of_another_shape_is_a_400_that_names_the_place(
    client: aiohttp.ClientSession, upstream: StubUpstream, body: object, pointer: str
) -> None:
    response, problem = await post(client, SEARCH, body)
    assert (response.status, problem["pointer"], upstream.count) == (400, pointer, 0)
    assert response.content_type == "application/problem+json"


async def test_a_body_beyond_its_bound_is_a_413(client: aiohttp.ClientSession) -> None:
    async with client.post(SEARCH, data=io.BytesIO(b" " * (1 << 20) + b"{}")) as response:
        assert response.status == 413
        assert orjson.loads(await decoded(response))["status"] == 413

    async def endless() -> Any:
        for _ in range(32):
            yield b" " * (1 << 16)

    async with client.post(SEARCH, data=endless()) as chunked:
        assert chunked.status == 413


async def test_a_coded_body_is_a_415(client: aiohttp.ClientSession) -> None:
    response, _ = await post(client, SEARCH, {"lookups": []}, **{"Content-Encoding": "gzip"})
    assert response.status == 415


async def test_an_empty_batch_has_no_answers(client: aiohttp.ClientSession) -> None:
    assert await batch(client) == []


async def test_a_hundred_cold_lookups_are_answered_at_once(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.gate.clear()
    asking = asyncio.create_task(
        batch(client, *({"source": "plain", "q": f"cold {n}"} for n in range(60)))
    )
    await upstream.arrived(8)  # the source's own limit of calls at a time
    upstream.gate.set()
    assert {each["status"] for each in await asking} == {200}


async def test_a_refresh_fetches_what_is_fresh_and_keeps_it(
    client: aiohttp.ClientSession, upstream: StubUpstream, clock: ManualClock
) -> None:
    await get(client, TYLENOL)
    clock.advance(10)
    upstream.default = Reply(records=[{"id": "2", "name": "new", "use": "It relieves pain."}])
    response, answer = await post(client, REFRESH, TYLENOL)
    assert (response.status, upstream.count) == (200, 2)
    assert response.headers["Cache-Status"] == "lookup-gateway; fwd=request; stored"
    assert (response.headers["Age"], response.headers["Cache-Control"]) == ("0", "no-store")
    assert [item["name"] for item in answer["items"]] == ["new"]
    assert "pain" in answer["summary"]["text"]
    assert orjson.loads(await get(client, TYLENOL)) == answer
    assert upstream.count == 2


async def test_a_refresh_that_fails_is_a_problem_and_what_is_kept_stays(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    kept = await get(client, TYLENOL)
    upstream.default = Reply(status=500)
    response, problem = await post(client, REFRESH, TYLENOL)
    assert (response.status, problem["source"]) == (502, "medicine")
    assert await get(client, TYLENOL) == kept


@pytest.mark.parametrize("body", [{}, {"source": "medicine"}, {**TYLENOL, "qq": "a"}])
async def test_a_refresh_is_checked_as_a_search_is(
    client: aiohttp.ClientSession, upstream: StubUpstream, body: dict[str, str]
) -> None:
    response, problem = await post(client, REFRESH, body)
    assert (response.status, upstream.count) == (400, 0)
    assert problem["parameter"] in ("source", "q", "qq")


async def test_what_finds_nothing_is_offered_the_nearest_names(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.default = Reply(records=[{"id": "7", "name": "타이레놀정500밀리그람", "use": "a"}])
    await get(client, {"source": "plain", "q": "타이레놀"})
    upstream.default = Reply(records=())
    offered = [{"id": "7", "name": "타이레놀정500밀리그람"}]
    mistyped = {"source": "plain", "q": "타이래놀정"}
    alone = await get(client, mistyped)
    assert orjson.loads(alone)["suggestions"] == offered
    assert await get(client, mistyped) == alone
    assert (await batch(client, mistyped))[0]["answer"]["suggestions"] == offered
    _, fresh = await post(client, REFRESH, mistyped)
    assert (fresh["total"], fresh["suggestions"]) == (0, offered)
    assert "suggestions" not in orjson.loads(await get(client, {"source": "plain", "q": "zzzz"}))
    async with client.get(SEARCH, params=mistyped) as response:
        tag = response.headers["ETag"]
    async with client.get(SEARCH, params=mistyped, headers={"If-None-Match": tag}) as response:
        assert response.status == 304


async def test_a_hundred_lookups_are_not_too_many(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    found = await batch(client, *[{"source": "plain", "q": "a"}] * 100)
    assert [each["status"] for each in found] == [200] * 100
    assert upstream.count == 1
