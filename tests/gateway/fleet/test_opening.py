"""A gateway with Redis between memory and database, and without."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from gateway.assembly import Gateway, open_gateway
from gateway.config import ConfigError
from gateway.events import Event, Events, TierFailed, TierLost, TierReturned
from storage.withdrawals import Scope
from tests.fault_proxy import FaultProxy
from tests.gateway.fleet.fleet import ask, config, gateways
from tests.servers.valkey import Valkey, valkey
from tests.serving import served
from tests.stub_upstream import Reply, StubUpstream
from tests.waiting import eventually

RECORD = {"id": "1", "name": "Aspirin", "use": "Against pain."}


@pytest.fixture
async def upstream() -> AsyncIterator[StubUpstream]:
    async with StubUpstream(Reply(records=[RECORD])) as stub:
        yield stub


async def test_what_one_gateway_fetched_another_finds_in_redis(
    tmp_path: Path, upstream: StubUpstream, valkey_server: Valkey
) -> None:
    for name, tier in (("a", ""), ("b", "redis")):
        async with open_gateway(config(tmp_path, upstream, name, url=valkey_server.url)) as gateway:
            assert (await ask(gateway)).tier == tier
            assert (await ask(gateway)).tier == "memory"
    assert upstream.count == 1


async def test_a_lost_redis_and_its_return_are_one_event_each(
    tmp_path: Path, upstream: StubUpstream, valkey_server: Valkey
) -> None:
    seen: list[Event] = []
    async with FaultProxy(valkey_server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        made = config(tmp_path, upstream, url=url, timeout="2s")
        async with open_gateway(made, events=Events(seen.append)) as gateway:
            for number in range(3):
                await ask(gateway, f"before {number}")
            await proxy.refuse()
            number = 0
            while not any(isinstance(event, TierLost) for event in seen):
                number += 1
                await ask(gateway, f"while {number}")
            assert (await gateway.tiers.ping())["redis"] != "ok"
            async with served(gateway) as client, client.get("/readyz") as response:
                assert response.status == 200
                assert "away" in orjson.loads(await response.read())["tiers"]["redis"]
            await proxy.mend()
            while not any(isinstance(event, TierReturned) for event in seen):
                number += 1
                await ask(gateway, f"after {number}")
            assert (await gateway.tiers.ping())["redis"] == "ok"
    told = [type(event) for event in seen if isinstance(event, TierLost | TierReturned)]
    assert told == [TierLost, TierReturned]
    assert not any(isinstance(event, TierFailed) for event in seen)


def test_a_wrong_url_names_its_place_and_not_its_password(
    tmp_path: Path, upstream: StubUpstream
) -> None:
    with pytest.raises(ConfigError, match="redis") as error:
        config(tmp_path, upstream, url="http://user:hunter2@cache")
    assert "hunter2" not in str(error.value)


def test_its_passwords_are_secrets(tmp_path: Path, upstream: StubUpstream) -> None:
    made = config(
        tmp_path, upstream, url="redis+sentinel://u:p%40ss@a/x", sentinel_password="other"
    )
    assert {"p@ss", "p%40ss", "other"} <= set(made.secrets)


def test_without_a_url_nothing_of_redis_is_loaded(tmp_path: Path, upstream: StubUpstream) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from gateway.config import load_config;"
        "from gateway.assembly import open_gateway\n"
        "async def main():\n"
        "    async with open_gateway(load_config(Path(sys.argv[1]), {})): pass\n"
        "asyncio.run(main()); sys.exit('storage.redis' in sys.modules)"
    )
    config(tmp_path, upstream)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.yaml")],
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == 0


async def test_what_is_withdrawn_while_redis_is_away_is_a_miss_when_it_returns(
    tmp_path: Path,
) -> None:
    with valkey() as server:
        async with (
            StubUpstream() as upstream,
            gateways(tmp_path, upstream, server.url, 1) as (gateway,),
        ):
            await ask(gateway)
            server.freeze()
            scope = Scope("source", "public", "s")
            withdrawn = await gateway.invalidations.withdraw(scope)
            assert withdrawn.unlinked is None
            server.thaw()
            await eventually(lambda: _up(gateway))
            with server.client() as client:
                assert client.keys("*v1:public:s:*")  # Redis still has it
            assert (await ask(gateway)).outcome == "miss"


def _up(gateway: Gateway) -> bool:
    (redis,) = (tier for tier in gateway.tiers._tiers if tier.name == "redis")
    return bool(redis.link.up)  # type: ignore[attr-defined]
