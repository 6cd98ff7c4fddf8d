from __future__ import annotations

import aiohttp
import orjson
import pytest

from tests.stub_upstream import Reply, StubUpstream

RECORDS = [
    {"id": "1", "name": "어린이타이레놀산160밀리그램", "use": "해열"},
    {"id": "2", "name": "타이레놀정500밀리그램", "use": "해열"},
    {"id": "3", "name": "타이레놀", "use": "해열"},
]


async def names(client: aiohttp.ClientSession, query: str) -> list[str]:
    async with client.get(f"/v1/suggest?source=plain&{query}") as response:
        assert response.status == 200
        return [each["name"] for each in orjson.loads(await response.read())["suggestions"]]


async def test_what_was_fetched_is_found_by_a_part_of_its_name(
    client: aiohttp.ClientSession, upstream: StubUpstream
) -> None:
    upstream.default = Reply(records=RECORDS)
    assert await names(client, "q=타이레놀") == []
    async with client.get("/v1/search?source=plain&q=x") as response:
        assert response.status == 200
    exact_first = ["타이레놀", "타이레놀정500밀리그램", "어린이타이레놀산160밀리그램"]
    assert await names(client, "q=타이레놀") == exact_first
    assert await names(client, "q=ㅌㅇㄹㄴ&limit=1") == exact_first[:1]
    assert upstream.count == 1


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("", "q"), ("q=%20", "q"), ("q=a&limit=0", "limit"), ("q=a&nmae=b", "nmae")],
)
async def test_a_fault_names_its_parameter(
    client: aiohttp.ClientSession, query: str, parameter: str
) -> None:
    async with client.get(f"/v1/suggest?source=plain&{query}") as response:
        assert response.status == 400
        assert orjson.loads(await response.read())["parameter"] == parameter
