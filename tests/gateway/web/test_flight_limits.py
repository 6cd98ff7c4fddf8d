from __future__ import annotations

import asyncio
from pathlib import Path

import orjson

from gateway.assembly import open_gateway
from gateway.config import load_config
from tests.serving import served
from tests.stub_upstream import StubUpstream, source


async def test_beyond_the_limit_of_flights_a_lookup_is_refused_at_once_and_ready_tells_them(
    tmp_path: Path,
) -> None:
    async with StubUpstream() as upstream:
        upstream.gate.clear()
        config = {
            "database": {"url": f"sqlite+aiosqlite:///{tmp_path / 'limits.db'}"},
            "flights": {"limit": 1},
            "sources": {"s": source(upstream.url, summary={"by": "none"})},
        }
        path = tmp_path / "config.yaml"
        path.write_bytes(orjson.dumps(config))
        async with open_gateway(load_config(path, {})) as gateway, served(gateway) as client:
            first = asyncio.create_task(client.get("/v1/search?source=s&q=one"))
            await upstream.arrived(1)
            async with client.get("/v1/search?source=s&q=two") as refused:
                assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
            async with client.get("/readyz") as ready:
                flights = orjson.loads(await ready.read())["flights"]
            assert (flights["count"], flights["waiters"]) == (1, 1)
            assert flights["oldest_seconds"] > 0
            upstream.gate.set()
            async with await first as answered:
                assert answered.status == 200
