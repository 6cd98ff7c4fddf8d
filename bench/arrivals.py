"""Requests that come whether or not the last was answered, in a process of its own.

Reads a `Plan` as JSON from standard input and writes a `Outcome` as JSON to standard output. A
latency counts from when its request was due: a server that is late is not asked less.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

import msgspec

from bench.job import OnACore, do


class Plan(OnACore, frozen=True):
    """So many requests each second: *hits* of targets that are kept, *misses* of others."""

    port: int
    hit: list[str]
    miss: str
    """``{}`` is replaced by a running number."""
    hits: float
    misses: float
    seconds: float
    first: int = 0
    connections: int = 1500


class Kind(msgspec.Struct, frozen=True):
    """What came of one kind of requests; latencies in milliseconds."""

    asked: int
    served: int
    shed: int
    p50: float
    p99: float
    shed_p99: float


class Outcome(msgspec.Struct, frozen=True):
    """What came of both."""

    hits: Kind
    misses: Kind


Answer = tuple[int, float]


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(0)

    def ask(self, target: str) -> asyncio.Future[int]:
        assert self.transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(f"GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._buffer.find(b"Content-Length: ", 0, end) + 16
        length = int(self._buffer[at : self._buffer.find(b"\r", at)])
        if len(self._buffer) >= end + 4 + length and self._answer is not None:
            status = int(self._buffer[9:12])
            self._buffer = b""
            if not self._answer.done():
                self._answer.set_result(status)


async def run(plan: Plan) -> Outcome:
    """Ask until the time is over, and wait for what is still to come."""
    idle: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()
    loop = asyncio.get_running_loop()
    for _ in range(plan.connections):
        _, made = await loop.create_connection(_Connection, "127.0.0.1", plan.port)
        idle.put_nowait(made)
    start = time.perf_counter() + 0.05

    async def ask(target: str, due: float, told: list[Answer]) -> None:
        connection = await idle.get()
        try:
            async with asyncio.timeout(20):
                status = await connection.ask(target)
        except TimeoutError:
            told.append((0, time.perf_counter() - due))
            return
        told.append((status, time.perf_counter() - due))
        idle.put_nowait(connection)

    async def stream(targets: list[str], rate: float, told: list[Answer]) -> None:
        tasks = []
        for number in range(int(rate * plan.seconds)):
            due = start + number / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            target = targets[number % len(targets)].format(plan.first + number)
            tasks.append(asyncio.create_task(ask(target, due, told)))
        await asyncio.gather(*tasks)

    hits: list[Answer] = []
    misses: list[Answer] = []
    await asyncio.gather(
        stream(plan.hit, plan.hits, hits), stream([plan.miss], plan.misses, misses)
    )
    return Outcome(_told(hits), _told(misses))


def _told(answers: list[Answer]) -> Kind:
    served = sorted(seconds for status, seconds in answers if status == 200)
    shed = sorted(seconds for status, seconds in answers if status == 503)
    return Kind(
        asked=len(answers),
        served=len(served),
        shed=len(shed),
        p50=_at(served, 0.5),
        p99=_at(served, 0.99),
        shed_p99=_at(shed, 0.99),
    )


def _at(ordered: list[float], share: float) -> float:
    return ordered[int(len(ordered) * share)] * 1e3 if ordered else 0.0


if __name__ == "__main__":
    do(Plan, run)
