"""Access lines: every miss and error, some hits, all with the same members."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import orjson
import pytest

from gateway.assembly import open_gateway
from gateway.config import Config
from gateway.logs.files import LogsSpec
from tests.serving import served
from tests.stub_upstream import Reply, StubUpstream

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00", "X-Request-Id": "mine"}


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    told = [orjson.loads(line) for line in out.getvalue().splitlines()]
    return [line for line in told if line["event"] == "request"]


@asynccontextmanager
async def logging_gateway(config: Config, share: float) -> AsyncIterator[aiohttp.ClientSession]:
    section = LogsSpec(sample_hits=share)
    async with (
        open_gateway(msgspec.structs.replace(config, logs=section)) as gateway,
        served(gateway) as client,
    ):
        yield client


async def ask(client: aiohttp.ClientSession, q: str = "aspirin") -> None:
    params = {"source": "plain", "q": q}
    async with client.get("/v1/search", params=params, headers=HEADERS) as response:
        await response.read()


async def test_a_hit_before_the_parser_has_the_line_that_others_have(
    config: Config, out: io.StringIO
) -> None:
    async with logging_gateway(config, 1.0) as client:
        for _ in range(4):
            await ask(client)
    miss, parsed, *early = lines(out)
    assert len(early) == 2
    assert miss["cache"] == "lookup-gateway; fwd=miss; stored"
    for line in (miss, parsed, *early):
        assert (line["request_id"], line["trace_id"]) == ("mine", TRACE)
        assert (line["source"], line["tenant"], line["who"]) == ("plain", "public", "anyone")
        assert (line["path"], line["status"], line["method"]) == ("/v1/search", 200, "GET")
    assert early[0].keys() == parsed.keys()
    assert abs(early[0]["bytes"] - parsed["bytes"]) < 60
    assert early[0]["cache"].endswith("detail=memory")


async def test_without_a_share_no_hit_has_a_line_but_every_miss_and_error_has(
    config: Config, out: io.StringIO, upstream: StubUpstream
) -> None:
    async with logging_gateway(config, 0.0) as client:
        for _ in range(4):
            await ask(client)
        upstream.default = Reply(status=500, body=b"")
        await ask(client, "other")
        async with client.get("/v1/nothing") as response:
            assert response.status == 404
    assert [line["status"] for line in lines(out)] == [200, 502, 404]


async def test_some_hits_have_a_line(config: Config, out: io.StringIO) -> None:
    async with logging_gateway(config, 0.5) as client:
        for _ in range(102):
            await ask(client)
    assert 20 < len(lines(out)) < 82


@pytest.mark.parametrize("share", [0.0, 1.0])
async def test_of_what_is_answered_without_a_parser_misses_have_a_line_and_hits_their_share(
    config: Config, out: io.StringIO, share: float
) -> None:
    section = LogsSpec(sample_hits=share)
    async with (
        open_gateway(msgspec.structs.replace(config, logs=section)) as gateway,
        served(gateway) as client,
    ):
        await ask(client)  # how the client spells its lines is learned
        for _ in range(2):
            gateway.tiers.memory.clear()
            await ask(client, "other")
    missed = ["lookup-gateway; fwd=miss; stored"] * 2
    told = [line["cache"] for line in lines(out)]
    assert told[:2] == missed
    assert [each.rpartition("=")[2] for each in told[2:]] == ["database"] * int(share)


async def test_where_a_share_of_hits_is_told_a_second_has_so_many_lines_and_no_more(
    config: Config, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.web.hit_log.MOST", 0)
    async with logging_gateway(config, 0.99) as client:
        for _ in range(2):
            await ask(client)
        out.truncate(0)
        out.seek(0)
        for _ in range(30):
            await ask(client)
    assert lines(out) == []
