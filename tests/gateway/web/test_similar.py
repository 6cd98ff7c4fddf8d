"""The answer of a similar query, where nothing else can be had."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from gateway.assembly import Gateway, open_gateway
from gateway.config import load_config
from gateway.lookup import make_lookup
from gateway.similar import QUERY_SPACES, SimilarAnswers
from tests.clocks import ManualClock
from tests.gateway.web.conftest import FRESHNESS
from tests.serving import decoded, served
from tests.stub_upstream import Reply, StubUpstream, source

KEPT = "타이레놀 500mg 부작용"
ASKED = "타이레놀 500mg의 부작용"


@pytest.fixture
async def gateway(
    tmp_path: Path, upstream: StubUpstream, clock: ManualClock
) -> AsyncIterator[Gateway]:
    shared: dict[str, Any] = {"freshness": FRESHNESS, "limits": {"retries": 0}}
    shared |= {"summary": {"by": "none"}, "params": {"city": {}}}
    document = {
        "database": {"url": f"sqlite+aiosqlite:///{tmp_path / 'similar.db'}"},
        "sources": {
            "medicine": source(upstream.url, **shared, similar={"threshold": 0.7}),
            "strict": source(upstream.url, **shared),
        },
    }
    path = tmp_path / "similar.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    async with open_gateway(load_config(path, {}), clock=clock) as opened:
        yield opened


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with served(gateway) as session:
        yield session


async def get(
    client: aiohttp.ClientSession, q: str, name: str = "medicine", **more: str
) -> tuple[aiohttp.ClientResponse, Any]:
    params = {"source": name, "q": q, **more}
    async with client.get("/v1/search", params=params) as response:
        return response, orjson.loads(await decoded(response))


async def test_with_the_upstream_down_the_most_similar_answer_stands_in(
    client: aiohttp.ClientSession, gateway: Gateway, upstream: StubUpstream
) -> None:
    await get(client, "타이레놀 500mg 효능과 부작용")
    _, kept = await get(client, KEPT)
    await written(gateway)
    upstream.default = Reply(status=500)
    response, answer = await get(client, ASKED)
    assert (response.status, answer["items"]) == (200, kept["items"])
    assert (answer["degraded"], answer["similar_to"]) == (["similar"], KEPT)
    assert answer["query"] == ASKED
    assert response.headers["Cache-Status"] == "lookup-gateway; fwd=miss; detail=similar"
    assert response.headers["Cache-Control"] == "no-store"


async def test_it_is_never_kept_as_the_answer_of_what_was_asked(
    client: aiohttp.ClientSession, gateway: Gateway, upstream: StubUpstream, clock: ManualClock
) -> None:
    await get(client, KEPT)
    await written(gateway)
    upstream.script(Reply(status=500))
    assert (await get(client, ASKED))[1]["degraded"] == ["similar"]
    clock.advance(60)  # the failure is remembered for a while
    response, answer = await get(client, ASKED)
    while answer["degraded"]:
        response, answer = await get(client, ASKED)
    assert answer["query"] == ASKED
    assert response.headers["Cache-Status"] == "lookup-gateway; fwd=miss; stored"


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        ("타이레놀 650mg의 부작용", {}),
        ("타이레놀의 부작용", {}),
        ("게보린 500mg의 부작용", {}),
        ("타이레놀 500mg의 부작용 없음", {}),
        (ASKED, {"keyword": "다른"}),
        (ASKED, {"lang": "fr"}),
        (ASKED, {"city": "Seoul"}),
        (ASKED, {"name": "strict"}),
    ],
)
async def test_what_asks_for_something_else_gets_the_error(
    client: aiohttp.ClientSession,
    gateway: Gateway,
    upstream: StubUpstream,
    asked: str,
    more: dict[str, str],
) -> None:
    await get(client, KEPT, lang="ko")
    await get(client, KEPT, more.get("name", "medicine"))
    await written(gateway)
    upstream.default = Reply(status=500)
    response, problem = await get(client, asked, **{"lang": "ko"} | more)
    assert (response.status, problem["status"]) == (502, 502)


async def test_an_own_old_answer_comes_before_a_similar_one(
    client: aiohttp.ClientSession, gateway: Gateway, upstream: StubUpstream, clock: ManualClock
) -> None:
    await get(client, ASKED)
    clock.advance(86_400)
    await get(client, KEPT)
    await written(gateway)
    upstream.default = Reply(status=500)
    _, answer = await get(client, ASKED)
    assert (answer["degraded"], answer["similar_to"]) == (["stale"], None)


async def test_an_answer_that_is_gone_stands_in_for_nothing(
    client: aiohttp.ClientSession, gateway: Gateway, upstream: StubUpstream, clock: ManualClock
) -> None:
    await get(client, KEPT)
    await written(gateway)
    clock.advance(30 * 86_400)
    upstream.default = Reply(status=500)
    assert (await get(client, ASKED))[0].status == 502
    assert await gateway.names.purge(QUERY_SPACES) == 0
    key = make_lookup(gateway.routes["medicine"], KEPT).key
    await gateway.tiers.drop([key])
    assert await gateway.names.purge(QUERY_SPACES) == 1


async def written(gateway: Gateway) -> None:
    """Wait until what was noted behind the answers can be found."""
    assert isinstance(gateway.resolver.similar, SimilarAnswers)
    await gateway.resolver.similar.settled()
