"""Gateways as processes of their own over one database: what one withdraws, none serves."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from tests.ports import free_port
from tests.servers.postgres import Server
from tests.stub_upstream import Reply, StubUpstream, source
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
RECORD = {"id": "1", "name": "Aspirin"}


class Process:
    """``python -m gateway serve`` on a port of its own."""

    def __init__(self, config: Path, session: aiohttp.ClientSession) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        port = self.url.rpartition(":")[2]
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
        self.log = (config.parent / f"{port}.log").open("wb")
        self.process = subprocess.Popen(
            [*command, "--port", port], cwd=ROOT, stdout=self.log, stderr=self.log
        )
        self._session = session

    async def ready(self) -> bool:
        try:
            async with self._session.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def ask(self, q: str = "aspirin") -> tuple[str, Any]:
        params = {"source": "medicine", "q": q}
        async with self._session.get(f"{self.url}/v1/search", params=params) as response:
            return response.headers["Cache-Status"], orjson.loads(await response.read())

    async def invalidate(self, **body: object) -> dict[str, Any]:
        async with self._session.post(f"{self.url}/v1/invalidate", json=body) as response:
            answer: dict[str, Any] = orjson.loads(await response.read())
            assert response.status == 200, answer
            return answer

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(40)
        self.log.close()


@pytest.fixture
async def upstream() -> AsyncIterator[StubUpstream]:
    async with StubUpstream(Reply(records=[RECORD])) as stub:
        yield stub


@pytest.fixture(params=["sqlite", "postgresql"])
async def fleet(
    request: pytest.FixtureRequest, tmp_path: Path, upstream: StubUpstream
) -> AsyncIterator[tuple[Process, Process]]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        url = await server.new_database(migrated=False)
    document = {
        "database": {"url": url},
        "invalidation": {"lease": "1s"},
        "sources": {"medicine": source(upstream.url, summary={"by": "none"})},
    }
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(document))
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        processes = [Process(config, session) for _ in range(2)]
        for process in processes:
            stack.callback(process.end)
        for process in processes:
            await eventually(process.ready, 100)
        yield processes[0], processes[1]


@pytest.mark.timeout(300)  # four interpreters start, perhaps beside other work
async def test_what_one_process_withdraws_the_other_does_not_serve(
    fleet: tuple[Process, Process], upstream: StubUpstream
) -> None:
    await _agree(*fleet, upstream)
    await _freeze(*fleet, upstream)
    await _kill(*fleet)


async def _agree(one: Process, two: Process, upstream: StubUpstream) -> None:
    for version in range(5):
        upstream.default = Reply(records=[{**RECORD, "use": str(version)}])
        if version:
            assert (await one.invalidate(source="medicine"))["removed"]["database"] == 1
        for process in (two, one, two, one):
            _, answer = await process.ask()
            assert answer["items"][0]["use"] == str(version)
        assert upstream.count == version + 1


async def _freeze(one: Process, two: Process, upstream: StubUpstream) -> None:
    """Who does not run is waited for until its lease is over, and wakes without what was taken."""
    two.process.send_signal(signal.SIGSTOP)
    upstream.default = Reply(records=[{**RECORD, "use": "new"}])
    started = time.perf_counter()
    await one.invalidate(source="medicine")
    assert time.perf_counter() - started >= 1
    waking = asyncio.create_task(two.ask())
    two.process.send_signal(signal.SIGCONT)
    assert (await waking)[1]["items"][0]["use"] == "new"


async def _kill(one: Process, two: Process) -> None:
    two.process.kill()
    two.process.wait()
    await asyncio.wait_for(one.invalidate(item={"source": "medicine", "id": "1"}), 30)
    assert "fwd=miss" in (await one.ask())[0]
