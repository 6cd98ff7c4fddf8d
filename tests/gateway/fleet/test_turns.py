"""One flight per key, across replicas."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters.errors import Kind, UpstreamError
from gateway.assembly import open_gateway
from gateway.fleet.notes import heed, noted
from tests.gateway.fleet.fleet import ask, config, gateways
from tests.servers.valkey import Valkey
from tests.stub_upstream import Reply, StubUpstream

RECORD = {"id": "1", "name": "Aspirin", "use": "Against pain."}
ROOT = Path(__file__).parents[3]


@pytest.fixture
async def upstream() -> AsyncIterator[StubUpstream]:
    async with StubUpstream(Reply(records=[RECORD])) as stub:
        yield stub


async def test_a_thousand_cold_lookups_of_three_replicas_are_one_call(
    tmp_path: Path, upstream: StubUpstream, valkey_server: Valkey
) -> None:
    upstream.gate.clear()
    async with gateways(tmp_path, upstream, valkey_server.url) as three:
        asked = [asyncio.create_task(ask(three[n % 3])) for n in range(1000)]
        await upstream.arrived(1)
        await asyncio.sleep(0.1)
        upstream.gate.set()
        answers = await asyncio.gather(*asked)
        assert upstream.count == 1
        assert len({answer.entry for answer in answers}) == 1


async def test_two_replicas_over_a_database_alone_take_turns_too(
    tmp_path: Path, upstream: StubUpstream
) -> None:
    made = config(tmp_path, upstream, url="")
    made = replace(made, database=replace(made.database, leases=True))
    upstream.gate.clear()
    async with open_gateway(made) as one, open_gateway(made) as other:
        asked = [asyncio.create_task(ask((one, other)[n % 2])) for n in range(100)]
        await upstream.arrived(1)
        await asyncio.sleep(0.1)
        upstream.gate.set()
        await asyncio.gather(*asked)
        assert upstream.count == 1


async def test_each_of_many_keys_is_fetched_once(
    tmp_path: Path, upstream: StubUpstream, valkey_server: Valkey
) -> None:
    async with gateways(tmp_path, upstream, valkey_server.url) as three:
        await asyncio.gather(*(ask(three[n % 3], f"q{n % 40}") for n in range(240)))
        assert upstream.count == 40


async def test_an_upstreams_failure_is_met_once(
    tmp_path: Path, upstream: StubUpstream, valkey_server: Valkey
) -> None:
    upstream.default = Reply(status=500)
    upstream.gate.clear()
    more = {"limits": {"retries": 0}}
    async with gateways(tmp_path, upstream, valkey_server.url, more=more) as three:
        asked = [asyncio.create_task(ask(each)) for each in three]
        await upstream.arrived(1)
        await asyncio.sleep(0.1)
        upstream.gate.set()
        failed = await asyncio.gather(*asked, return_exceptions=True)
        kinds = {error.kind for error in failed if isinstance(error, UpstreamError)}
        assert len(kinds) == 1
        assert upstream.count == 1


async def test_a_killed_replicas_fetch_is_taken_over(
    tmp_path: Path, upstream: StubUpstream, valkey_server: Valkey
) -> None:
    upstream.gate.clear()
    config(tmp_path, upstream, "victim", url=valkey_server.url)
    code = (
        "import asyncio, sys; from pathlib import Path; from gateway.config import load_config;"
        "from gateway.assembly import open_gateway; from gateway.lookup import make_lookup\n"
        "async def main():\n"
        "    async with open_gateway(load_config(Path(sys.argv[1]), {})) as gateway:\n"
        "        await gateway.resolver.resolve(make_lookup(gateway.routes['s'], 'aspirin'))\n"
        "asyncio.run(main())"
    )
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path / "victim.yaml"), cwd=ROOT
    )
    await upstream.arrived(1)
    async with gateways(tmp_path, upstream, valkey_server.url, 1) as (heir,):
        asked = asyncio.create_task(ask(heir))
        await asyncio.sleep(0.1)
        assert upstream.count == 1
        os.kill(victim.pid, signal.SIGKILL)
        await victim.wait()
        upstream.gate.set()
        async with asyncio.timeout(60):
            assert (await asked).entry.records.body
        assert upstream.count == 2


def test_a_failure_is_read_as_it_was_left() -> None:
    error = UpstreamError(Kind.TRANSIENT, "down", retry_after=7.0)
    with pytest.raises(UpstreamError) as read:
        heed(noted(error).text)
    assert (read.value.kind, read.value.message, read.value.retry_after) == (
        Kind.TRANSIENT,
        "down",
        7.0,
    )


def test_what_is_no_failure_to_remember_leaves_no_note() -> None:
    assert noted(asyncio.CancelledError()).text == ""
    heed("")
    heed("foreign")
