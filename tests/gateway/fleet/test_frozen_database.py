"""A lookup over a PostgreSQL that says nothing any more waits once, and the next not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml
from sqlalchemy.engine import make_url

from gateway.assembly import Gateway, open_gateway
from gateway.config import load_config
from gateway.events import Event, Events, TierLost, TierReturned
from gateway.lookup import make_lookup
from tests.fault_proxy import FaultProxy
from tests.servers.postgres import Server
from tests.stub_upstream import Reply, StubUpstream, source
from tests.waiting import eventually

HOUR = "1h"


async def ask(gateway: Gateway, q: str) -> str:
    answer = await gateway.resolver.resolve(make_lookup(gateway.routes["medicine"], q))
    return answer.tier


@pytest.mark.timeout(90)
async def test_a_miss_waits_for_a_frozen_database_once_and_the_next_not_at_all(
    tmp_path: Path, postgres_server: Server, postgres_url: str
) -> None:
    async with (
        StubUpstream(Reply(records=[{"id": "1", "name": "Aspirin"}])) as upstream,
        FaultProxy(postgres_server.port) as proxy,
    ):
        url = make_url(postgres_url).set(port=proxy.port)
        pool = {"size": 2, "overflow": 0, "wait": HOUR, "connect": HOUR, "statement": HOUR}
        document = {
            "database": {
                "url": url.render_as_string(hide_password=False),
                "pool": {**pool, "silence": "2s"},
            },
            "invalidation": {"lease": "5m"},
            "sources": {"medicine": source(upstream.url, summary={"by": "extractive"})},
        }
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(document))
        events, told = Events(), list[Event]()
        events.subscribe(told.append, TierLost, TierReturned)
        async with open_gateway(load_config(path, {}), events=events) as gateway:
            assert await ask(gateway, "before") == ""
            proxy.pause()
            # Nothing else ends a wait: were there a second one, it would be for an hour.
            async with asyncio.timeout(60):
                assert await ask(gateway, "aspirin") == ""
                assert await ask(gateway, "another") == ""
            assert [type(each) for each in told] == [TierLost]
            assert await ask(gateway, "aspirin") == "memory"
            await proxy.mend()
            await eventually(lambda: len(told) == 2)
            assert isinstance(told[1], TierReturned)
            await ask(gateway, "after")
            name = postgres_url.rpartition("/")[2]
            rows = await postgres_server.run("SELECT count(*) FROM entries", name)
            assert rows[0][0] == 2
