"""How much later the first word comes through the gateway than from the model itself.

Four ways in turn, one request at a time: the model asked with its SDK, as a backend without the
gateway would ask it; asked over bare HTTP; a stream whose records are kept; and one whose records
are fetched first. The medians are compared with the first; the SDK's own share is the difference
of the first two, and the gateway asks with it too.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from adapters.llm.chat import Message
from adapters.llm.openai import OpenAIChat
from bench import hits
from bench.model import THINKS

WAYS = ("model, by its SDK", "model, by bare HTTP", "stream, records kept", "stream, also fetched")
PROMPT = "?" * 3000
"""As long as the one that the gateway sends."""
TARGET_MS = 5.0
"""The gateway may add so much to the first word, at the median, where the records are kept."""


@dataclass(slots=True)
class Row:
    """One way, and the milliseconds to its first word, each time."""

    name: str
    first: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.first)


def run(times: int) -> list[Row]:
    """Measure each way so many *times*, in turn."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = stack.enter_context(_model())
        document = hits.configuration(folder / "stream.yaml", "256MiB", model)
        document["llm"] = {"base_url": f"http://127.0.0.1:{model}/v1", "model": "m"}
        source = dict(document["sources"])["bench"]  # type: ignore[call-overload]
        source["summary"] = {"by": "openai", "language": "en"}
        _, port = stack.enter_context(hits.running(folder / "stream.yaml", document))
        return asyncio.run(_measured(times, model, port))


def report(rows: list[Row]) -> str:
    """Return the table; what is added is against the first row."""
    direct = rows[0].median
    lines = [f"{'first word after ms':<22}{'p50':>8}{'added':>8}{'p95':>8}"]
    for row in rows:
        p95 = statistics.quantiles(row.first, n=20, method="inclusive")[-1]
        lines.append(f"{row.name:<22}{row.median:>8.2f}{row.median - direct:>8.2f}{p95:>8.2f}")
    return "\n".join(lines)


def main(times: int) -> None:
    """Print the table."""
    sys.stdout.write(
        f"\nStreams one at a time, {times} of each in turn, a model that thinks "
        f"{THINKS * 1000:g} ms; a stream may add {TARGET_MS:g} ms\n{report(run(times))}\n"
    )


async def _measured(times: int, model: int, port: int) -> list[Row]:
    rows = [Row(name) for name in WAYS]
    chat = OpenAIChat(f"http://127.0.0.1:{model}/v1", "", "m", 10.0)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(chat.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for number in range(-2, times):  # the first two open connections and count for nothing
            kept, fetched = f"kept {number}", f"fetched {number}"
            url = f"http://127.0.0.1:{port}/v1/search"
            async with session.get(url, params=_asked(kept) | {"summary": "none"}) as response:
                await response.read()
            took = [
                await _by_sdk(chat),
                await _direct(session, model),
                await _streamed(session, f"{url}/stream", kept),
                await _streamed(session, f"{url}/stream", fetched),
            ]
            if number >= 0:
                for row, each in zip(rows, took, strict=True):
                    row.first.append(each * 1000)
    return rows


async def _by_sdk(chat: OpenAIChat) -> float:
    start, came = time.perf_counter(), 0.0
    async for _ in chat.stream((Message("user", PROMPT),)):
        came = came or time.perf_counter() - start
    return came


async def _direct(session: aiohttp.ClientSession, port: int) -> float:
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": PROMPT}]}
    start = time.perf_counter()
    async with session.post(url, json=asked) as response:
        return await _first(response, b'"content"') - start


async def _streamed(session: aiohttp.ClientSession, url: str, query: str) -> float:
    start = time.perf_counter()
    async with session.get(url, params=_asked(query)) as response:
        return await _first(response, b"event: summary.delta") - start


def _asked(query: str) -> dict[str, str]:
    return {"source": "bench", "q": query}


async def _first(response: aiohttp.ClientResponse, mark: bytes) -> float:
    """Return when the first line with *mark* came; read the rest, so that the connection stays."""
    came = 0.0
    async for line in response.content:
        if not came and mark in line:
            came = time.perf_counter()
    if not came:
        raise RuntimeError(f"no {mark.decode()} came from {response.url.path}")
    return came


@contextlib.contextmanager
def _model() -> Iterator[int]:
    command = [sys.executable, "-m", "bench.model"]
    process = subprocess.Popen(command, cwd=hits.ROOT, stdout=subprocess.PIPE)
    with hits.ended(process):
        assert process.stdout is not None
        yield int(process.stdout.readline())
