"""The process, as operators have it: a log file, a port of their own, an answer to a scrape."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import orjson

from tests.gateway.web.test_server import serving, write_config
from tests.stub_upstream import StubUpstream
from tests.waiting import eventually


async def test_lines_go_to_the_file_and_metrics_to_the_port_of_operators(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    async with StubUpstream() as upstream:
        sections = {
            "server": {"admin": {"port": 0}},
            "logs": {"file": str(log), "level": "info", "sample_hits": 1},
        }
        config = write_config(tmp_path, upstream.url, **sections)
        async with serving(config) as process:
            await eventually(lambda: _listens(log))
            told = [orjson.loads(line) for line in log.read_bytes().splitlines()]
            (urls,) = [line for line in told if line["event"] == "server.listening"]
            async with aiohttp.ClientSession() as client:
                asked = f"{urls['url']}/v1/search?source=plain&q=a"
                async with client.get(asked) as response:
                    assert response.status == 200
                async with client.get(f"{urls['url']}/metrics") as response:
                    assert response.status == 404
                async with client.get(f"{urls['admin']}/metrics") as response:
                    assert 'lookup_upstream_calls_total{result="ok",source="plain"} 1.0' in (
                        await response.text()
                    )
            process.process.terminate()
            assert await process.process.wait() == 0
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    (request,) = [line for line in lines if line.get("path") == "/v1/search"]
    assert (request["source"], request["tenant"]) == ("plain", "public")
    assert len(request["trace_id"]) == 32


def _listens(log: Path) -> bool:
    """Whether the log says so, and its last line is whole."""
    lines = log.read_bytes() if log.exists() else b""
    return b"server.listening" in lines and lines.endswith(b"\n")


async def test_a_log_file_that_cannot_be_written_is_a_fault_of_the_configuration(
    tmp_path: Path,
) -> None:
    nowhere = str(tmp_path / "nowhere" / "gateway.log")
    config = write_config(tmp_path, "http://127.0.0.1:9", logs={"file": nowhere})
    async with serving(config) as process:
        assert await process.process.wait() == 2
        assert process.process.stderr is not None
        said = await process.process.stderr.read()
    assert b"logs.file: No such file or directory" in said
