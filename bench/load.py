"""A load generator in a process of its own: raw sockets, keep-alive, one request at a time each.

Reads a `Job` as JSON from standard input and writes a `Outcome` as JSON to standard output.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import count, cycle
from typing import cast

import msgspec

from bench.job import OnACore, do


class Job(OnACore, frozen=True):
    """What to ask: each of *targets* in turn; ``{}`` in one is replaced by a running number."""

    port: int
    targets: list[str]
    connections: int
    seconds: float
    first: int = 0
    lines: str = ""
    """Further header lines of each request."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of it; latencies in microseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int


class _Client(asyncio.Protocol):
    """One connection: sends a request, reads its answer, sends the next until the time is over."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self.latencies: list[float] = []
        self.failed = 0
        self.done = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._until = until
        self._buffer = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._buffer.find(b"Content-Length: ", 0, end) + 16
        length = int(self._buffer[at : self._buffer.find(b"\r", at)])
        if len(self._buffer) < end + 4 + length:
            return
        now = time.perf_counter()
        self.latencies.append(now - self._sent)
        self.failed += not self._buffer.startswith(b"HTTP/1.1 200")
        self._buffer = b""
        if now < self._until:
            self._send()
        elif self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.failed += exc is not None
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))


async def run(job: Job) -> Outcome:
    """Ask until the time is over."""
    numbers, targets = count(job.first), cycle(job.targets)
    head = "GET {} HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\nUser-Agent: bench\r\n"
    head += f"{job.lines}\r\n"
    requests = (head.format(target.format(next(numbers))).encode() for target in targets)
    loop, start = asyncio.get_running_loop(), time.perf_counter()
    made = [
        await loop.create_connection(
            lambda: _Client(requests, start + job.seconds), "127.0.0.1", job.port
        )
        for _ in range(job.connections)
    ]
    clients = [client for _, client in made]
    await asyncio.gather(*(client.done for client in clients))
    seconds = time.perf_counter() - start
    latencies = sorted(each for client in clients for each in client.latencies)
    return Outcome(
        requests=len(latencies),
        seconds=seconds,
        p50=latencies[len(latencies) // 2] * 1e6,
        p99=latencies[len(latencies) * 99 // 100] * 1e6,
        failed=sum(client.failed for client in clients),
    )


if __name__ == "__main__":
    do(Job, run)
