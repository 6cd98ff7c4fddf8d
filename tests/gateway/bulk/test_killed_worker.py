"""Show 2: a process that works on a batch is killed, and another goes on, over one database."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import orjson
import yaml

from gateway.bulk.jobs import dsn_of
from tests.stub_upstream import Reply, StubUpstream, source

ROOT = Path(__file__).parents[3]
LOOKUPS = 60
CONCURRENCY = 4


def document(upstream: StubUpstream, database: str, run_by: str) -> dict[str, object]:
    plain = source(upstream.url, summary={"by": "none"}, limits={"concurrency": CONCURRENCY})
    return {
        "server": {"port": 0},
        "access": {"mode": "open"},
        "database": {"url": database},
        "batches": {"run_by": run_by, "concurrency": CONCURRENCY},
        "sources": {"plain": plain},
    }


class Process:
    """A gateway of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.url = ""

    async def until(self, event: str) -> None:
        """Wait until it has logged *event*."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            if event.encode() in line:
                told = orjson.loads(line)
                self.url = told.get("url", "")
                return
        raise AssertionError(f"it ended without {event}")

    async def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


@asynccontextmanager
async def running(command: str, config: Path) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", command, "--config", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        env={**os.environ, "LOG_FORMAT": "json"},
    )
    found = Process(process)
    try:
        yield found
    finally:
        if process.returncode is None:
            await found.kill()


async def submit(url: str) -> str:
    lookups = [{"source": "plain", "q": f"name {number}"} for number in range(LOOKUPS)]
    body = orjson.dumps(lookups)
    async with aiohttp.ClientSession(url) as client, client.post("/v1/batches", data=body) as made:
        assert made.status == 202
        return f"/v1/batches/{orjson.loads(await made.read())['id']}/results"


async def results(url: str, path: str) -> list[int]:
    async with aiohttp.ClientSession(url) as client, client.get(path) as response:
        lines = [orjson.loads(line) for line in (await response.read()).splitlines()]
    assert all(line["status"] == 200 for line in lines)
    return sorted(line["number"] for line in lines)


def check(upstream: StubUpstream) -> None:
    """No lookup was lost, and none done twice but those that were out when the process died."""
    calls = Counter(call.query["q"] for call in upstream.calls)
    assert len(calls) == LOOKUPS
    assert max(calls.values()) <= 2
    assert sum(calls.values()) <= LOOKUPS + CONCURRENCY


async def test_a_server_that_is_killed_goes_on_after_its_restart(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    async with StubUpstream(Reply(echo=True, delay=0.02)) as upstream:
        database = f"sqlite+aiosqlite:///{tmp_path / 'lookup.db'}"
        config.write_text(yaml.safe_dump(document(upstream, database, "serve")))
        async with running("serve", config) as first:
            await first.until("server.listening")
            path = await submit(first.url)
            await upstream.arrived(20)
            await first.kill()
        with sqlite3.connect(tmp_path / "lookup.db") as connection:
            connection.execute("UPDATE batches SET until = 0")  # its term is over
        connection.close()
        async with running("serve", config) as second:
            await second.until("server.listening")
            assert await results(second.url, path) == [*range(LOOKUPS)]
        check(upstream)


async def test_a_worker_that_is_killed_is_succeeded_by_another(
    tmp_path: Path, postgres_url: str
) -> None:
    config = tmp_path / "config.yaml"
    async with StubUpstream(Reply(echo=True, delay=0.02)) as upstream:
        config.write_text(yaml.safe_dump(document(upstream, postgres_url, "workers")))
        async with running("serve", config) as server:
            await server.until("server.listening")
            path = await submit(server.url)
            async with running("worker", config) as worker:
                await worker.until("worker.working")
                await upstream.arrived(20)
                await worker.kill()
            await stalled(postgres_url)
            async with running("worker", config):
                assert await results(server.url, path) == [*range(LOOKUPS)]
        check(upstream)


async def stalled(url: str) -> None:
    """Let the dead worker have been silent for long enough."""
    connection = await asyncpg.connect(dsn_of(url))
    try:
        await connection.execute(
            "UPDATE lookup_jobs.procrastinate_workers SET last_heartbeat = now() - interval '1 h'"
        )
    finally:
        await connection.close()
