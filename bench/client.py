"""A client on bare protocols: requests in turn, flat out or so many a second; latencies of each.

A latency of a paced request counts from when it was due: a server that is late is not asked less.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import uvloop


class Outcome(msgspec.Struct, frozen=True):
    """What came of it; times in seconds, latencies in their order."""

    latencies: list[float]
    failed: int
    seconds: float

    def at(self, share: float) -> float:
        """Return the latency in microseconds that *share* of the requests did not exceed."""
        ordered = self.latencies
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e6 if ordered else 0.0


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def ask(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def end(self) -> None:
        assert self._transport is not None
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer = data = self._buffer + data if self._buffer else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        at = data.lower().find(b"content-length: ", 0, end) + 16
        if len(data) < end + 4 + int(data[at : data.find(b"\r", at)]):
            return
        self._buffer = b""
        self._load.answered(self, time.perf_counter() - self._due, data[9:12] == b"200")


class _Load:
    def __init__(self, requests: Sequence[bytes], rate: float | None) -> None:
        self._left = deque(requests)
        self._rate = rate
        self._wanted = len(requests)
        self._idle: deque[_Connection] = deque()
        self._due: deque[tuple[bytes, float]] = deque()
        self.latencies: list[float] = []
        self.failed = 0
        self.done = asyncio.Event()

    def answered(self, connection: _Connection, seconds: float, well: bool) -> None:
        self.latencies.append(seconds)
        self.failed += not well
        if len(self.latencies) == self._wanted:
            self.done.set()
        elif self._due:
            connection.ask(*self._due.popleft())
        elif self._rate is None and self._left:
            connection.ask(self._left.popleft(), time.perf_counter())
        else:
            self._idle.append(connection)

    async def run(self, port: int, connections: int) -> None:
        loop = asyncio.get_running_loop()
        made = [
            (await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port))[1]
            for _ in range(min(connections, self._wanted))
        ]
        if self._rate is None:
            for connection in made:
                connection.ask(self._left.popleft(), time.perf_counter())
        else:
            self._idle.extend(made)
            await self._pace(self._rate)
        async with asyncio.timeout(300):
            await self.done.wait()
        for connection in made:
            connection.end()
        await asyncio.sleep(0)  # until each has closed its socket

    async def _pace(self, rate: float) -> None:
        start = time.perf_counter() + 0.01
        for number in range(self._wanted):
            due = start + number / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            request = self._left.popleft()
            if self._idle:
                self._idle.popleft().ask(request, due)
            else:
                self._due.append((request, due))


async def play(
    port: int, requests: Sequence[bytes], connections: int, rate: float | None = None
) -> Outcome:
    """Send *requests* over so many *connections*; with *rate* so many a second."""
    load, started = _Load(requests, rate), time.perf_counter()
    await load.run(port, connections)
    return Outcome(sorted(load.latencies), load.failed, time.perf_counter() - started)


def apart(
    port: int, requests: Sequence[bytes], connections: int, rate: float | None = None
) -> Outcome:
    """Do as `play` does, in a process of its own on the last core."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, (port, requests, connections, rate)))
    process.start()
    try:
        return msgspec.json.decode(ours.recv_bytes(), type=Outcome)
    finally:
        process.join()


def _work(pipe: Any, what: tuple[Any, ...]) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pipe.send_bytes(msgspec.json.encode(uvloop.run(play(*what))))
