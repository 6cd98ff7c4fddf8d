"""The process: it says where it listens, ends what it began, and says why it cannot begin."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from tests.stub_upstream import StubUpstream, source

ROOT = Path(__file__).resolve().parents[3]


def write_config(folder: Path, upstream: str, **sections: Any) -> Path:
    document: dict[str, Any] = {
        "database": {"url": f"sqlite+aiosqlite:///{folder / 'served.db'}"},
        "sources": {"plain": source(upstream, summary={"by": "none"})},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document | sections))
    return path


class Process:
    """``python -m gateway serve`` as a person would start it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def line(self, event: str) -> dict[str, Any]:
        """Return the next log line that tells *event*."""
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            self.lines.append(orjson.loads(raw))
            if self.lines[-1]["event"] == event:
                return self.lines[-1]
        raise AssertionError(f"no {event} in {self.lines}")


@asynccontextmanager
async def serving(config: Path, port: int = 0) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--config", str(config), "--port", str(port)),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_what_is_in_flight_finish(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with StubUpstream() as upstream, serving(write_config(tmp_path, upstream.url)) as gateway:
        url = (await gateway.line("server.listening"))["url"]
        upstream.gate.clear()
        async with aiohttp.ClientSession(url) as client:
            params = {"source": "plain", "q": "a"}
            asked = asyncio.create_task(client.get("/v1/search", params=params))
            await upstream.arrived(1)
            gateway.process.send_signal(number)
            await gateway.line("server.stopping")
            upstream.gate.set()
            async with await asked as response:
                assert response.status == 200
                assert (await response.json())["total"] == 1
        await gateway.line("server.stopped")
        assert await gateway.process.wait() == 0


async def test_a_port_in_use_is_named_and_ends_with_1(tmp_path: Path) -> None:
    async with StubUpstream() as upstream:
        port = int(upstream.url.rpartition(":")[2])
        async with serving(write_config(tmp_path, upstream.url), port) as gateway:
            failed = await gateway.line("server.failed")
            assert f"127.0.0.1:{port}" in failed["reason"]
            assert "in use" in failed["reason"]
            assert await gateway.process.wait() == 1


async def test_a_database_that_cannot_be_opened_is_named_and_ends_with_1(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/nowhere/lookup.db"
    config = write_config(tmp_path, "http://127.0.0.1:9", database={"url": url})
    async with serving(config) as gateway:
        failed = await gateway.line("server.failed")
        assert "nowhere/lookup.db" in failed["reason"]
        assert await gateway.process.wait() == 1


async def test_a_request_is_one_line_with_its_id_and_without_its_query(tmp_path: Path) -> None:
    async with StubUpstream() as upstream, serving(write_config(tmp_path, upstream.url)) as gateway:
        url = (await gateway.line("server.listening"))["url"]
        async with (
            aiohttp.ClientSession(url) as client,
            client.get(
                "/v1/search",
                params={"source": "plain", "q": "private"},
                headers={"X-Request-Id": "mine"},
            ) as response,
        ):
            assert response.status == 200
        line = await gateway.line("request")
    assert (line["request_id"], line["path"], line["status"]) == ("mine", "/v1/search", 200)
    assert line["cache"] == "lookup-gateway; fwd=miss; stored"
    assert "private" not in str(gateway.lines)


async def test_after_a_restart_the_answer_comes_from_the_database(tmp_path: Path) -> None:
    async with StubUpstream() as upstream:
        # Else it may be in memory again by then.
        config = write_config(tmp_path, upstream.url, warmup={"on_start": False})
        told = []
        for _ in range(2):
            async with serving(config) as gateway:
                url = (await gateway.line("server.listening"))["url"]
                async with (
                    aiohttp.ClientSession(url) as client,
                    client.get("/v1/search", params={"source": "plain", "q": "a"}) as response,
                ):
                    told.append(response.headers["Cache-Status"])
                gateway.process.terminate()
                await gateway.process.wait()
        assert told[0] == "lookup-gateway; fwd=miss; stored"
        assert told[1].endswith("detail=database")
        assert upstream.count == 1
