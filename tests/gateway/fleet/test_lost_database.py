"""A gateway whose database is away answers from its sources, and no load balancer takes it out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from gateway.assembly import open_gateway
from gateway.config import load_config
from tests.fault_proxy import FaultProxy
from tests.serving import served
from tests.stub_upstream import Reply, StubUpstream, source
from tests.waiting import eventually


@pytest.fixture
async def upstream() -> AsyncIterator[StubUpstream]:
    async with StubUpstream(Reply(records=[{"id": "1", "name": "Aspirin"}])) as stub:
        yield stub


async def got(client: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with client.get(path) as response:
        return response.status, orjson.loads(await response.read())


@pytest.mark.parametrize("frozen", [False, True])
async def test_without_its_database_a_gateway_answers_and_stays_in_service(
    tmp_path: Path, upstream: StubUpstream, postgres_url: str, *, frozen: bool
) -> None:
    login, _, rest = postgres_url.partition("@")
    server, _, name = rest.partition("/")
    async with FaultProxy(int(server.rpartition(":")[2])) as proxy:
        database = {
            "url": f"{login}@127.0.0.1:{proxy.port}/{name}",
            "pool": {"silence": "400ms", "connect": "1s"},
        }
        document = {
            "database": database,
            "invalidation": {"lease": "500ms"},
            "sources": {"s": source(upstream.url, summary={"by": "none"})},
        }
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(document))
        async with open_gateway(load_config(path, {})) as gateway, served(gateway) as client:

            async def state() -> Any:
                status, said = await got(client, "/readyz")
                assert status == 200
                return said

            async def lost() -> bool:
                said = await state()
                return (said["status"], said["log"]["known"]) == ("degraded", False)

            async def back() -> bool:
                said = await state()
                return (said["status"], said["log"]["known"]) == ("ready", True)

            await eventually(back)
            if frozen:
                proxy.pause()
            else:
                await proxy.refuse()
            await eventually(lost)
            status, answer = await got(client, "/v1/search?source=s&q=aspirin")
            assert (status, answer["total"]) == (200, 1)
            await proxy.mend()
            await eventually(back)
