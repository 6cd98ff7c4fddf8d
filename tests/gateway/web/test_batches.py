"""``/v1/batches``, over real connections and a real upstream."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.access.identity import Scope
from gateway.assembly import Gateway
from gateway.config import Config
from gateway.events import Audited, Event
from tests.clocks import ManualClock
from tests.gateway.web.test_admission import opened
from tests.stub_upstream import Hang, Reply, StubUpstream

PATH = "/v1/batches"


@pytest.fixture
async def running(gateway: Gateway) -> AsyncIterator[None]:
    async with gateway.bulk.running():
        yield


def lookups(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"source": "plain", "q": f"name {number}", **more} for number in range(count)]


async def post(
    client: aiohttp.ClientSession, body: bytes, media_type: str = "application/json"
) -> tuple[int, Any]:
    async with client.post(
        PATH, data=io.BytesIO(body), headers={"Content-Type": media_type}
    ) as response:
        return response.status, orjson.loads(await response.read())


async def made(client: aiohttp.ClientSession, items: list[dict[str, Any]]) -> str:
    status, told = await post(client, orjson.dumps(items))
    assert status == 202
    return f"{PATH}/{told['id']}"


async def read(client: aiohttp.ClientSession, path: str, **params: str) -> list[dict[str, Any]]:
    async with client.get(f"{path}/results", params=params) as response:
        assert response.status == 200
        assert response.content_type == "application/jsonl"
        return [orjson.loads(line) for line in (await response.read()).splitlines()]


async def progress(client: aiohttp.ClientSession, path: str) -> Any:
    async with client.get(path) as response:
        return orjson.loads(await response.read())


@pytest.mark.usefixtures("running")
async def test_every_lookup_has_its_answer_as_if_it_had_been_searched(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    path = await made(client, lookups(30, fields=["name"]))
    lines = await read(client, path)
    assert sorted(line["number"] for line in lines) == list(range(30))
    assert [line["place"] for line in lines] == list(range(1, 31))
    for line in lines:
        assert line["status"] == 200
        assert [*line["answer"]["items"][0]] == ["id", "name"]
        assert line["answer"]["query"] == f"name {line['number']}"
    assert upstream.count == 30
    told = await progress(client, path)
    assert (told["state"], told["done"], told["waiting"], told["failed"]) == ("done", 30, 0, 0)
    # What is fresh is not asked again.
    assert len(await read(client, await made(client, lookups(30)))) == 30
    assert upstream.count == 30


@pytest.mark.usefixtures("running")
async def test_results_are_told_as_they_are_done_and_read_on_from_a_place(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.script(*(Reply(echo=True) for _ in range(3)), Hang())
    path = await made(client, lookups(4))
    async with client.get(f"{path}/results") as response:
        first = [orjson.loads(await response.content.readline()) for _ in range(3)]
    assert [line["place"] for line in first] == [1, 2, 3]
    assert [line["place"] for line in await read(client, path, after="2", wait="false")] == [3]
    assert (await progress(client, path))["waiting"] == 1


@pytest.mark.usefixtures("running")
async def test_what_fails_is_told_as_a_problem(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.script(Reply(status=400))
    (line,) = await read(client, await made(client, lookups(1)))
    assert line["status"] == line["problem"]["status"] != 200
    assert line["problem"]["source"] == "plain"


async def test_a_batch_may_be_an_object_a_list_or_lines(client: aiohttp.ClientSession) -> None:
    items = lookups(2)
    whole = orjson.dumps({"lookups": items, "note": "the list"})
    status, told = await post(client, whole)
    assert (status, told["total"], told["note"]) == (202, 2, "the list")
    lines = b"\n".join(orjson.dumps(item) for item in items) + b"\n\n"
    for media_type in ("application/jsonl", "application/x-ndjson", "application/json"):
        status, told = await post(client, lines, media_type)
        assert (status, told["total"]) == (202, 2)


async def test_a_caller_says_how_long_summaries_may_take(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    whole = orjson.dumps({"lookups": lookups(1), "patience": "24h"})
    lines = orjson.dumps(lookups(1)[0])
    path = f"{PATH}?patience=1h30m"
    async with client.post(path, data=io.BytesIO(lines)) as response:
        assert response.status == 202
    assert (await post(client, whole))[0] == (await post(client, lines))[0] == 202
    kept = await gateway.bulk.batches.store.open()
    assert [batch.patience for batch in kept] == [5400.0, 86_400.0, 0.0]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"[]", "/lookups"),
        (b"[", ""),
        (b"5", ""),
        (b'{"lookups": [{"source": "plain", "q": "a"}], "x": 1}', "/x"),
        (b'{"lookups": [{"source": "plain", "q": "a"}], "note": 5}', "/note"),
        (b'{"lookups": [{"source": "plain", "q": "a"}], "patience": "long"}', "/patience"),
        (b'{"lookups": [{"source": "plain", "q": "a"}], "patience": "30d"}', "/patience"),
        (b'[{"source": "plain", "q": "a"}, 5]', "/lookups/1"),
        (b'[{"source": "plain", "q": "a"}, {"source": "plain"}]', "/lookups/1"),
        (b'[{"source": "plain", "q": "a", "colour": "red"}]', "/lookups/0"),
        (b'{"source": "plain", "q": "a"}\n{"source": ', ""),
    ],
)
async def test_a_body_that_is_none_is_a_problem_that_says_where(
    client: aiohttp.ClientSession, body: bytes, pointer: str
) -> None:
    status, problem = await post(client, body)
    assert (status, problem["pointer"]) == (400, pointer)


async def test_a_list_of_megabytes_is_taken_and_a_longer_one_is_not(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    long = [{**item, "keyword": "k" * 190} for item in lookups(8000)]
    body = orjson.dumps(long)
    assert 1 << 20 < len(body) < gateway.bulk.batches.spec.max_bytes
    status, told = await post(client, body)
    assert (status, told["total"]) == (202, 8000)
    async with client.post(PATH, data=io.BytesIO(b" " * (9 << 20))) as response:
        assert response.status == 413


async def test_too_many_open_batches_are_refused(
    client: aiohttp.ClientSession, gateway: Gateway
) -> None:
    for _ in range(gateway.bulk.batches.spec.max_open):
        await made(client, lookups(1))
    status, _ = await post(client, orjson.dumps(lookups(1)))
    assert status == 429


async def test_a_batch_that_is_cancelled_ends_and_who_did_it_is_told(
    client: aiohttp.ClientSession, gateway: Gateway, upstream: StubUpstream
) -> None:
    seen: list[Event] = []
    gateway.events.subscribe(seen.append)
    path = await made(client, lookups(5))
    reading = asyncio.create_task(read(client, path))
    for _ in range(2):  # the second time there is nothing left to cancel
        async with client.delete(path) as response:
            assert response.status == 204
    assert await reading == []
    async with gateway.bulk.running():
        assert (await progress(client, path))["state"] == "cancelled"
    assert upstream.count == 0
    told = [event.action for event in seen if isinstance(event, Audited)]
    assert told == ["batch.created", "batch.cancelled"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_another_batch_does_not_exist(client: aiohttp.ClientSession, method: str) -> None:
    async with client.request(method, f"{PATH}/none") as response:
        assert response.status == 404
    async with client.get(f"{PATH}/none/results") as response:
        assert response.status == 404


@pytest.mark.parametrize("query", ["after=-1", "after=x", "wait=no", "from=1"])
async def test_a_wrong_parameter_of_the_results_is_told(
    client: aiohttp.ClientSession, query: str
) -> None:
    path = await made(client, lookups(1))
    async with client.get(f"{path}/results?{query}") as response:
        assert response.status == 400
        assert orjson.loads(await response.read())["parameter"] == query.partition("=")[0]


@pytest.mark.usefixtures("running")
async def test_an_answer_that_is_kept_no_more_is_gone_and_not_paid_for_again(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    path = await made(client, lookups(2))
    assert len(await read(client, path)) == 2
    async with client.post("/v1/invalidate", data=orjson.dumps(lookups(1)[0])) as response:
        assert response.status == 200
    lines = {line["number"]: line["status"] for line in await read(client, path)}
    assert lines == {0: 410, 1: 200}
    assert upstream.count == 2


async def test_what_a_tenant_made_is_nobody_elses(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with opened(config) as door:
        own = await door.key("clinic", scopes=frozenset({Scope.BATCH}))
        other = await door.key("other", scopes=frozenset({Scope.BATCH}))
        watch = {"lookup": lookups(1)[0], "schedule": "15m"}
        made = []
        for base, body in ((PATH, lookups(1)), ("/v1/watches", watch)):
            async with door.http.post(base, data=orjson.dumps(body), headers=own) as response:
                made.append(response.headers["Location"])
        batch, watched = made
        asked = [("GET", batch), ("GET", f"{batch}/results?wait=false"), ("DELETE", batch)]
        asked += [("GET", watched), ("DELETE", watched)]
        for method, path in asked:
            assert await door.status(method, path, headers=other) == 404
        for method, path in asked:
            assert await door.status(method, path, headers=own) in (200, 204)
        async with door.http.get("/v1/watches", headers=other) as response:
            assert orjson.loads(await response.read()) == {"watches": []}
        poor = await door.key("clinic", scopes=frozenset({Scope.SEARCH}))
        assert await door.status("GET", batch, headers=poor) == 403


async def test_an_old_batch_is_forgotten(
    client: aiohttp.ClientSession, gateway: Gateway, clock: ManualClock
) -> None:
    path = await made(client, lookups(1))
    clock.advance(gateway.bulk.batches.spec.keep + 1)
    async with gateway.bulk.running():
        while True:
            async with client.get(path) as response:
                if response.status == 404:
                    break
