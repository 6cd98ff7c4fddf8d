"""Redis and the database asked at once: the answer says so, and so do the statistics."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.assembly import open_gateway
from gateway.config import load_config
from tests.gateway.fleet import fleet
from tests.servers.valkey import Valkey
from tests.serving import served
from tests.stub_upstream import StubUpstream


@pytest.mark.parametrize("read", ["race", "sequential"])
async def test_an_answer_tells_of_both_tiers_that_were_asked(
    tmp_path: Path, valkey_server: Valkey, read: str
) -> None:
    async with StubUpstream() as upstream:
        fleet.config(tmp_path, upstream, url=valkey_server.url)
        path = tmp_path / "a.yaml"
        document = yaml.safe_load(path.read_text())
        document["database"]["read"] = read
        path.write_text(yaml.safe_dump(document))
        async with open_gateway(load_config(path, {})) as gateway, served(gateway) as client:
            params = {"source": "s", "q": "aspirin"}
            async with client.get("/v1/search", params=params):
                gateway.tiers.forget_memory()
            async with client.get("/v1/search", params=params) as response:
                timing = response.headers["Server-Timing"]
            async with client.get("/v1/stats") as response:
                races = (await response.json())["races"]
    named = [part.partition(";")[0] for part in timing.split(", ")]
    if read == "sequential":
        assert named == ["lookup", "memory", "redis"]
        assert races == {}
        return
    assert named[:2] == ["lookup", "memory"]
    assert sorted(named[2:]) == ["database", "redis"]
    assert set(races) == {"redis", "database"}
    assert races["redis"]["races"] == races["database"]["races"] == 2  # the first found nothing
    assert races["redis"]["wins"] + races["database"]["wins"] == 1
    assert races["database"]["latency_ms"]["p50"] > 0
