"""Several processes on one port: they agree, they are started anew, they end in good order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from tests.stub_upstream import Reply, StubUpstream, source
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
RECORD = {"id": "1", "name": "Aspirin"}


class Workers:
    """``serve --workers 2`` and what it logs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def line(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Return the lines that tell *event* when there are *count* of them."""
        async with asyncio.timeout(100), self._news:
            while len(found := [each for each in self.lines if each["event"] == event]) < count:
                await self._news.wait()
            return found

    async def ended(self) -> int:
        async with asyncio.timeout(100):
            await self._reading
            return await self.process.wait()

    def pids(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            async with self._news:
                with suppress(orjson.JSONDecodeError):
                    self.lines.append(orjson.loads(raw))
                self._news.notify_all()


@asynccontextmanager
async def serving(folder: Path, upstream: str, **sections: Any) -> AsyncIterator[Workers]:
    document: dict[str, Any] = {
        "database": {"url": f"sqlite+aiosqlite:///{folder / 'served.db'}"},
        "server": {"workers": 2},
        "logs": {"sample_hits": 1.0},  # each request is a line, whose worker is told
        "sources": {"s": source(upstream, summary={"by": "none"})},
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(document | sections))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--config", str(config), "--port", "0"),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    workers = Workers(process)
    try:
        yield workers
    finally:
        if process.returncode is None:
            process.kill()
        await workers.ended()  # the workers too: they hold the other end of the log


async def ask(port: int, client: aiohttp.ClientSession) -> str:
    params = {"source": "s", "q": "aspirin"}
    url = f"http://127.0.0.1:{port}/v1/search"
    async with client.get(url, params=params, headers={"Connection": "close"}) as response:
        return str((await response.json())["items"][0]["use"])


@pytest.mark.timeout(300)  # five interpreters start, perhaps beside other work
async def test_workers_agree_and_one_that_dies_is_started_anew(tmp_path: Path) -> None:
    async with (
        StubUpstream(Reply(records=[{**RECORD, "use": "old"}])) as upstream,
        serving(tmp_path, upstream.url) as workers,
        aiohttp.ClientSession() as client,
    ):
        port = (await workers.line("supervisor.listening"))[0]["port"]
        assert {await ask(port, client) for _ in range(12)} == {"old"}
        assert upstream.count == 1
        numbers = {each["worker"] for each in await workers.line("request", 12)}
        assert numbers == {1, 2}

        upstream.default = Reply(records=[{**RECORD, "use": "new"}])
        url = f"http://127.0.0.1:{port}/v1/invalidate"
        async with client.post(url, json={"source": "s"}) as response:
            assert response.status == 200
        assert {await ask(port, client) for _ in range(12)} == {"new"}
        assert upstream.count == 2

        before = workers.pids()
        os.kill(before[0], signal.SIGKILL)
        assert (await workers.line("worker.died"))[0]["code"] == -signal.SIGKILL
        assert await ask(port, client) == "new"  # the other one serves meanwhile
        await workers.line("supervisor.listening", 2)
        assert before[0] not in workers.pids()
        assert before[1] in workers.pids()

        upstream.gate.clear()
        upstream.default = Reply(records=[{**RECORD, "use": "last"}])
        async with client.post(url, json={"source": "s"}) as response:
            assert response.status == 200
        asked = asyncio.create_task(ask(port, client))
        await upstream.arrived(3)
        workers.process.terminate()
        await workers.line("server.stopping", 2)
        upstream.gate.set()
        assert await asked == "last"
        assert await workers.ended() == 0


@pytest.mark.timeout(240)
async def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    async with serving(tmp_path, "http://127.0.0.1:9") as workers:
        await workers.line("supervisor.listening")
        pids = workers.pids()
        assert len(pids) == 2
        workers.process.kill()
        await workers.line("server.stopped", 2)
        await workers.ended()
        await eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids))


async def test_what_hinders_every_worker_is_told_and_tried_once(tmp_path: Path) -> None:
    database = {"url": f"sqlite+aiosqlite:///{tmp_path}/nowhere/lookup.db"}
    async with serving(tmp_path, "http://127.0.0.1:9", database=database) as workers:
        assert await workers.ended() == 1
        assert "nowhere/lookup.db" in (await workers.line("server.failed"))[0]["reason"]


async def test_a_port_in_use_is_named_before_any_worker_starts(tmp_path: Path) -> None:
    async with StubUpstream() as upstream:
        taken = int(upstream.url.rpartition(":")[2])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "serve", "--workers", "2", "--port", str(taken)),
            cwd=ROOT,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        assert process.returncode == 1
        assert orjson.loads(said)["reason"].startswith(f"cannot listen on 127.0.0.1:{taken}")
