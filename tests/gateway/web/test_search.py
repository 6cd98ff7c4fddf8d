"""``GET /v1/search``: body and headers, over real connections and a real upstream."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.assembly import Gateway
from tests.clocks import ManualClock
from tests.serving import decoded
from tests.stub_upstream import Hang, Reply, StubUpstream

SEARCH = "/v1/search"
TYLENOL = {"source": "medicine", "q": "타이레놀"}
RECORDS = Reply(
    records=[
        {"id": "1", "name": "타이레놀", "use": "This medicine relieves headache.", "maker": "A"},
        {"id": "2", "name": "게보린", "use": "This medicine lowers fever.", "maker": "B"},
    ]
)


async def get(
    client: aiohttp.ClientSession, params: dict[str, str], **headers: str
) -> tuple[aiohttp.ClientResponse, Any]:
    async with client.get(SEARCH, params=params, headers=headers) as response:
        body = await decoded(response)
        return response, orjson.loads(body) if body else None


async def test_a_first_answer_has_records_a_summary_and_where_they_are_from(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.default = RECORDS
    response, answer = await get(client, TYLENOL)
    assert response.status == 200
    assert response.content_type == "application/json"
    assert list(answer) == [
        "source",
        "query",
        "keyword",
        "total",
        "items",
        "as_of",
        "attribution",
        "summary",
        "degraded",
        "similar_to",
    ]
    assert (answer["source"], answer["query"], answer["keyword"]) == ("medicine", "타이레놀", None)
    assert (answer["total"], answer["degraded"], answer["similar_to"]) == (2, [], None)
    assert answer["items"][0] | {"use": "", "maker": ""} == {
        "id": "1",
        "name": "타이레놀",
        "use": "",
        "maker": "",
        "summary": None,
    }
    assert answer["summary"]["by"] == "extractive"
    assert "headache" in answer["summary"]["text"]
    assert answer["attribution"] == {
        "text": "The Stub",
        "url": "https://stub.example/",
        "license": "CC0",
    }


async def test_the_second_answer_comes_from_memory_and_says_its_age(
    client: aiohttp.ClientSession, upstream: StubUpstream, clock: ManualClock
) -> None:
    first, body = await get(client, TYLENOL)
    assert first.headers["Cache-Status"] == "lookup-gateway; fwd=miss; stored"
    assert first.headers["Age"] == "0"
    clock.advance(100)
    second, again = await get(client, TYLENOL)
    assert second.headers["Cache-Status"] == "lookup-gateway; hit; ttl=3500; detail=memory"
    assert second.headers["Age"] == "100"
    assert second.headers["Cache-Control"] == (
        "max-age=3600, stale-while-revalidate=7200, stale-if-error=604800"
    )
    assert (again, upstream.count) == (body, 1)


async def test_spelling_that_means_the_same_is_the_same_lookup(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    await get(client, {"source": "plain", "q": "Ibuprofen  400"})
    response, _ = await get(client, {"source": "plain", "q": " ｉbuprofen 400 "})
    assert "detail=memory" in response.headers["Cache-Status"]
    assert upstream.count == 1


async def test_a_stale_answer_says_so_and_is_refreshed_behind_it(
    client: aiohttp.ClientSession, upstream: StubUpstream, clock: ManualClock
) -> None:
    await get(client, TYLENOL)
    clock.advance(3660)
    response, answer = await get(client, TYLENOL)
    assert response.headers["Cache-Status"] == "lookup-gateway; hit; ttl=-60; detail=memory"
    assert response.headers["Cache-Control"].startswith("max-age=3600, ")
    assert answer["degraded"] == ["stale"]
    await upstream.arrived(2)


async def test_a_refresh_that_was_waited_for_is_a_stale_forward(
    client: aiohttp.ClientSession, clock: ManualClock
) -> None:
    await get(client, TYLENOL)
    clock.advance(86_400)
    response, _ = await get(client, TYLENOL)
    assert response.headers["Cache-Status"] == "lookup-gateway; fwd=stale; stored"


async def test_an_old_answer_stands_in_for_a_dead_upstream(
    client: aiohttp.ClientSession, upstream: StubUpstream, clock: ManualClock
) -> None:
    await get(client, TYLENOL)
    await upstream.stop()
    clock.advance(86_400)
    response, answer = await get(client, TYLENOL)
    assert (response.status, answer["degraded"]) == (200, ["stale"])
    assert response.headers["Cache-Status"] == "lookup-gateway; hit; ttl=-82800; detail=memory"


async def test_no_match_is_an_answer(client: aiohttp.ClientSession, upstream: StubUpstream) -> None:
    upstream.default = Reply(records=())
    response, answer = await get(client, TYLENOL)
    assert (response.status, answer["total"], answer["items"]) == (200, 0, [])
    assert (answer["summary"], answer["degraded"]) == (None, [])
    again, _ = await get(client, TYLENOL)
    assert "ttl=60" in again.headers["Cache-Status"]


async def test_an_etag_that_is_known_gets_304_without_a_body(
    client: aiohttp.ClientSession,
) -> None:
    first, _ = await get(client, TYLENOL)
    tag = first.headers["ETag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        response, body = await get(client, TYLENOL, **{"If-None-Match": known})
        assert (response.status, body) == (304, None)
        assert response.headers["ETag"] == tag
        assert {"Cache-Control", "Cache-Status", "Vary", "Age"} <= set(response.headers)
    response, _ = await get(client, TYLENOL, **{"If-None-Match": '"other"'})
    assert response.status == 200


async def test_another_view_of_an_answer_has_another_etag(client: aiohttp.ClientSession) -> None:
    views: list[dict[str, str]] = [{}, {"fields": "name"}, {"limit": "1"}, {"summary": "none"}]
    tags = [(await get(client, TYLENOL | view))[0].headers["ETag"] for view in views]
    assert len(set(tags)) == len(views)


async def test_fields_and_limit_choose_from_what_is_kept(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.default = RECORDS
    _, answer = await get(client, TYLENOL | {"fields": "maker, name", "limit": "1"})
    assert answer["items"] == [{"id": "1", "name": "타이레놀", "maker": "A"}]
    assert answer["total"] == 2
    _, full = await get(client, TYLENOL)
    assert len(full["items"]) == 2
    assert upstream.count == 1


async def test_without_a_summary_nobody_waits_for_one(client: aiohttp.ClientSession) -> None:
    _, answer = await get(client, TYLENOL | {"summary": "none"})
    assert (answer["summary"], answer["degraded"]) == (None, [])


@pytest.mark.parametrize(
    ("accepted", "coded"),
    [
        ("gzip", "gzip"),
        ("br, gzip;q=0.5", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=0", None),
        ("identity, gzip;q=0.1", None),
    ],
)
async def test_an_encoding_is_what_the_client_takes(
    client: aiohttp.ClientSession, upstream: StubUpstream, accepted: str, coded: str | None
) -> None:
    long = [{"id": str(n), "name": f"name {n}", "use": "the same again"} for n in range(50)]
    upstream.default = Reply(records=long)
    tags = set()
    for _ in range(2):  # made, and as it was made
        response, answer = await get(client, TYLENOL, **{"Accept-Encoding": accepted})
        assert response.headers.get("Content-Encoding") == coded
        assert response.headers["Vary"] == "Accept-Encoding"
        assert len(answer["items"]) == 50
        tags.add(response.headers["ETag"])
    _, part = await get(client, TYLENOL | {"limit": "30"}, **{"Accept-Encoding": accepted})
    assert len(part["items"]) == 30
    again, _ = await get(client, TYLENOL, **{"If-None-Match": tags.pop()})
    assert (again.status, tags) == (304, set())


async def test_a_client_that_refuses_every_coding_is_told_which_there_are(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    response, problem = await get(client, TYLENOL, **{"Accept-Encoding": "identity;q=0, deflate"})
    assert (response.status, upstream.count) == (406, 0)
    assert "zstd, br, gzip" in problem["detail"]


async def test_a_short_answer_is_not_worth_compressing(client: aiohttp.ClientSession) -> None:
    response, _ = await get(client, {"source": "plain", "q": "a"}, **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in response.headers


async def test_a_lookup_that_shared_a_flight_says_collapsed(
    client: aiohttp.ClientSession, upstream: StubUpstream, gateway: Gateway
) -> None:
    upstream.gate.clear()
    callers = [asyncio.create_task(get(client, TYLENOL)) for _ in range(10)]
    await upstream.arrived(1)
    while gateway.flights.waiters < 10:
        await asyncio.sleep(0)
    upstream.gate.set()
    answers = await asyncio.gather(*callers)
    told = sorted(response.headers["Cache-Status"] for response, _ in answers)
    assert told[0] == "lookup-gateway; fwd=miss; stored"
    assert set(told[1:]) == {"lookup-gateway; fwd=miss; stored; collapsed"}
    assert upstream.count == 1


async def test_the_time_in_the_resolver_is_told(client: aiohttp.ClientSession) -> None:
    first, _ = await get(client, TYLENOL)
    second, _ = await get(client, TYLENOL)
    assert first.headers["Server-Timing"].startswith('lookup;desc="upstream";dur=')
    assert second.headers["Server-Timing"].startswith('lookup;desc="memory";dur=')


async def test_the_way_through_the_tiers_is_told(client: aiohttp.ClientSession) -> None:
    first, _ = await get(client, TYLENOL)
    whole, *steps = first.headers["Server-Timing"].split(", ")
    told = [re.sub(r"[0-9]+\.[0-9]{3}", "#", step) for step in steps]
    assert told == [
        'memory;desc="miss";dur=#;start=#',
        'database;desc="miss";dur=#;start=#',
        'upstream;desc="medicine";dur=#;start=#',
        'summary;desc="extractive";dur=#;start=#',
    ]
    last = float(re.findall(r"start=(\S+)", steps[-1])[0])
    assert last <= float(whole.split("dur=")[1])


@pytest.mark.parametrize(
    ("reply", "status", "kind"),
    [
        (Reply(status=500), 502, "transient"),
        (Reply(body=b"<html>"), 502, "malformed"),
        (Reply(status=429), 503, "quota-short"),
    ],
)
async def test_an_upstream_that_fails_is_a_problem_of_its_kind(
    client: aiohttp.ClientSession, upstream: StubUpstream, reply: Reply, status: int, kind: str
) -> None:
    upstream.default = reply
    response, problem = await get(client, TYLENOL)
    assert response.status == problem["status"] == status
    assert response.content_type == "application/problem+json"
    assert problem["type"] == f"urn:problem-type:lookup-gateway:{kind}"
    assert problem["source"] == "medicine"
    assert response.headers["Cache-Control"] == "no-store"


async def test_an_open_circuit_is_a_503_that_says_when_to_come_back(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.default = Reply(status=500)
    for attempt in range(5):
        await get(client, {"source": "plain", "q": f"cold {attempt}"})
    calls = upstream.count
    response, problem = await get(client, {"source": "plain", "q": "another"})
    assert (response.status, upstream.count) == (503, calls)
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert problem["retry_after"] == int(response.headers["Retry-After"])


async def test_a_caller_who_leaves_cancels_nothing(
    client: aiohttp.ClientSession, upstream: StubUpstream, gateway: Gateway
) -> None:
    upstream.gate.clear()
    leaver = asyncio.create_task(get(client, TYLENOL))
    await upstream.arrived(1)
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    upstream.gate.set()
    response, _ = await get(client, TYLENOL)
    assert (response.status, upstream.count) == (200, 1)


async def test_a_head_request_has_the_headers_and_no_body(client: aiohttp.ClientSession) -> None:
    async with client.head(SEARCH, params=TYLENOL) as response:
        assert (response.status, await response.read()) == (200, b"")
        assert int(response.headers["Content-Length"]) > 0


async def test_a_thousand_identical_cold_lookups_make_one_call(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.default = Reply(delay=0.3)
    answers = await asyncio.gather(*(get(client, TYLENOL) for _ in range(1000)))
    assert {response.status for response, _ in answers} == {200}
    assert upstream.count == 1


async def test_a_hung_upstream_does_not_keep_the_gateway_from_answering_others(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.script(Hang())
    stuck = asyncio.create_task(get(client, TYLENOL))
    await upstream.arrived(1)
    response, _ = await get(client, {"source": "plain", "q": "other"})
    assert response.status == 200
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)
    await upstream.stop()  # or closing the gateway would wait for the flight
