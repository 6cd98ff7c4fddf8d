"""docs/durability.md, line by line: what is lost when processes, Redis, databases are cut down."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway.assembly import Gateway, open_gateway
from gateway.config import load_config
from gateway.lookup import make_lookup
from tests.fault_proxy import FaultProxy
from tests.gateway.test_processes import Process
from tests.servers.postgres import Server
from tests.servers.valkey import Valkey, valkey
from tests.stub_upstream import Reply, StubUpstream, source
from tests.waiting import eventually

RECORD = {"id": "1", "name": "Aspirin"}


class World:
    """An upstream, a database behind a proxy, and gateways over them."""

    def __init__(self, folder: Path, upstream: StubUpstream, database: str, proxy: FaultProxy):
        self.folder, self.upstream, self.database, self.proxy = folder, upstream, database, proxy
        self.prefix = f"{secrets.token_hex(4)}:"

    def config(self, redis: str = "", *, write: str = "behind", proxied: bool = False) -> Path:
        url = self.database
        if proxied:
            url = url.replace(
                url.partition("@")[2].partition("/")[0], f"127.0.0.1:{self.proxy.port}"
            )
        document = {
            "redis": {"url": redis, "prefix": self.prefix, "timeout": "2s"},
            "database": {"url": url, "write": write, "pool": {"statement": "2s"}},
            "invalidation": {"lease": "20s"},
            "sources": {"medicine": source(self.upstream.url, summary={"by": "none"})},
        }
        path = self.folder / f"{secrets.token_hex(4)}.yaml"
        path.write_text(yaml.safe_dump(document))
        return path

    @asynccontextmanager
    async def process(self, config: Path) -> AsyncIterator[Process]:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            process = Process(config, session)
            stack.callback(process.end)
            await eventually(process.ready, 100)
            yield process

    def gateway(self, redis: str = "", *, proxied: bool = False) -> Any:
        return open_gateway(load_config(self.config(redis, proxied=proxied), {}))

    async def rows(self, server: Server) -> int:
        name = self.database.rpartition("/")[2]
        return int((await server.run("SELECT count(*) FROM entries", name))[0][0])


async def ask(gateway: Gateway, q: str = "aspirin") -> str:
    answer = await gateway.resolver.resolve(make_lookup(gateway.routes["medicine"], q))
    return answer.tier


@pytest.fixture
async def world(tmp_path: Path, postgres_server: Server, postgres_url: str) -> AsyncIterator[World]:
    async with (
        StubUpstream(Reply(records=[RECORD])) as upstream,
        FaultProxy(postgres_server.port) as proxy,
    ):
        yield World(tmp_path, upstream, postgres_url, proxy)


@pytest.mark.timeout(240)
async def test_behind_a_killed_process_loses_nothing_that_redis_has(
    world: World, postgres_server: Server, valkey_server: Valkey
) -> None:
    async with world.process(world.config(valkey_server.url, proxied=True)) as process:
        await world.proxy.refuse()  # what is written now does not arrive
        assert "stored" in (await process.ask())[0]
        assert await world.rows(postgres_server) == 0
        process.process.kill()
        process.process.wait()
    async with world.gateway(valkey_server.url):
        await eventually(lambda: _one(world, postgres_server))
        with valkey_server.client() as client:
            await eventually(lambda: client.zcard(f"{world.prefix}unwritten") == 0)
    assert world.upstream.count == 1


async def _one(world: World, server: Server) -> bool:
    return await world.rows(server) == 1


@pytest.mark.timeout(240)
@pytest.mark.parametrize("write", ["through", "behind"])
async def test_without_redis_an_answer_that_was_given_is_in_the_database(
    world: World, postgres_server: Server, write: str
) -> None:
    async with world.process(world.config(write=write)) as process:
        assert "stored" in (await process.ask())[0]
        process.process.kill()
        process.process.wait()
    assert await world.rows(postgres_server) == 1


async def test_behind_a_redis_that_is_lost_loses_nothing_while_the_process_lives(
    world: World, postgres_server: Server
) -> None:
    with valkey() as server:
        async with world.gateway(server.url, proxied=True) as gateway:
            await world.proxy.refuse()
            await ask(gateway)
            server.kill()
            await world.proxy.mend()
            await eventually(lambda: _one(world, postgres_server))
            # From here on there is no Redis, and a write is waited for.
            await ask(gateway, "ibuprofen")
            assert await world.rows(postgres_server) == 2


async def test_behind_a_stop_writes_what_waits(
    world: World, postgres_server: Server, valkey_server: Valkey
) -> None:
    async with world.gateway(valkey_server.url) as gateway:
        for number in range(20):
            await ask(gateway, f"q{number}")
    assert await world.rows(postgres_server) == 20


async def test_behind_a_database_that_is_away_gets_everything_when_it_returns(
    world: World, postgres_server: Server, valkey_server: Valkey
) -> None:
    async with world.gateway(valkey_server.url, proxied=True) as gateway:
        await world.proxy.refuse()
        for number in range(5):
            await ask(gateway, f"q{number}")
        await world.proxy.mend()
        await eventually(lambda: _five(world, postgres_server))


async def _five(world: World, server: Server) -> bool:
    return await world.rows(server) == 5
