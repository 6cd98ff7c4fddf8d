"""The same faults given to the gateway's flights and to two popular caching libraries.

``python -m bench caching_libraries``. Ten callers ask for one key at once; what they ask fails
after 0.2 s, loses its first caller, or hangs; then a thousand ask for one that is well.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiocache
import cashews

from adapters.commitment import commit
from adapters.errors import Kind, UpstreamError
from gateway.flights import Flights

WAITERS = 10
CROWD = 1000
CALL = 0.2
"""Seconds that a call takes."""
DEADLINE = 0.5
"""Seconds after which the gateway's flights end; the libraries know no deadline."""
GIVEN_UP = 5.0
"""Seconds after which a scenario is over, whoever still waits."""

Fetch = Callable[[], Awaitable[str]]
Cached = Callable[[], Awaitable[str]]


class Upstream:
    """Counts its calls; each takes `CALL` seconds, then answers or fails, or hangs at first."""

    def __init__(self, *, fails: bool = False, hangs: int = 0) -> None:
        self.calls = 0
        self.returned = 0.0
        self._fails = fails
        self._hangs = hangs

    async def __call__(self) -> str:
        self.calls += 1
        commit()
        if self.calls <= self._hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(CALL)
        self.returned = time.perf_counter()
        if self._fails:
            raise UpstreamError(Kind.TRANSIENT, "failed")
        return "answer"


def gateway(fetch: Fetch) -> Cached:
    """Ask through the gateway's flights."""
    flights: Flights[str] = Flights(DEADLINE)

    async def ask() -> str:
        return (await flights.join("key", fetch)).value

    return ask


def cashews_plain(fetch: Fetch) -> Cached:
    """Ask through cashews as its manual begins: ``@cache(ttl=...)``."""
    return _cashews(fetch, lock=False)


def cashews_locked(fetch: Fetch) -> Cached:
    """Ask through cashews with the lock that it shares between processes, ``lock=True``."""
    return _cashews(fetch, lock=True)


def _cashews(fetch: Fetch, *, lock: bool) -> Cached:
    cache = cashews.Cache()
    cache.setup("mem://")

    @cache(ttl="1m", key="key", lock=lock, protected=not lock)
    async def ask() -> str:
        return await fetch()

    async def initialized() -> str:
        await cache.init()
        return await ask()

    return initialized


def aiocache_stampede(fetch: Fetch) -> Cached:
    """Ask through aiocache with its protection from stampedes, ``cached_stampede``."""

    async def asked() -> str:
        return await fetch()

    cache = aiocache.SimpleMemoryCache
    ask: Any = aiocache.cached_stampede(ttl=60, lease=2, key="key", cache=cache)(asked)
    ask.cache._cache.clear()  # which all of the process share
    cached: Cached = ask
    return cached


CONTENDERS: dict[str, Callable[[Fetch], Cached]] = {
    "this gateway's flights": gateway,
    "cashews `@cache`": cashews_plain,
    "cashews `lock=True, protected=False`": cashews_locked,
    "aiocache `cached_stampede`": aiocache_stampede,
}


@dataclass(frozen=True, slots=True)
class Row:
    """What one contender did with the faults."""

    failing: str
    leaving: str
    hanging: str
    crowd: str


async def measure(make: Callable[[Fetch], Cached]) -> Row:
    """Give one contender every fault."""
    return Row(await _failing(make), await _leaving(make), await _hanging(make), await _crowd(make))


async def _failing(make: Callable[[Fetch], Cached]) -> str:
    upstream = Upstream(fails=True)
    seconds, _ = await _together(make(upstream), WAITERS)
    return f"{_calls(upstream)}, {seconds:.2f} s"


async def _leaving(make: Callable[[Fetch], Cached]) -> str:
    upstream = Upstream()
    ask = make(upstream)
    callers = [asyncio.ensure_future(ask()) for _ in range(WAITERS)]
    await asyncio.sleep(CALL / 2)
    callers[0].cancel()
    await asyncio.wait(callers, timeout=GIVEN_UP)
    answered = sum(_answered(caller) for caller in callers[1:])
    return f"{answered} of {WAITERS - 1} answered, {_calls(upstream)}"


async def _hanging(make: Callable[[Fetch], Cached]) -> str:
    upstream = Upstream(hangs=1)
    ask = make(upstream)
    seconds, _ = await _together(ask, WAITERS)
    if seconds >= GIVEN_UP:
        return f"all wait after {GIVEN_UP:g} s"
    return f"all told after {seconds:.2f} s"


async def _crowd(make: Callable[[Fetch], Cached]) -> str:
    upstream = Upstream()
    _, ended = await _together(make(upstream), CROWD)
    return f"{_calls(upstream)}, all {(ended - upstream.returned) * 1000:.0f} ms later"


async def _together(ask: Cached, count: int) -> tuple[float, float]:
    began = time.perf_counter()
    callers = [asyncio.ensure_future(ask()) for _ in range(count)]
    _, late = await asyncio.wait(callers, timeout=GIVEN_UP)
    ended = time.perf_counter()
    for caller in late:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    return ended - began, ended


def _calls(upstream: Upstream) -> str:
    return f"{upstream.calls} call{'' if upstream.calls == 1 else 's'}"


def _answered(caller: asyncio.Future[str]) -> bool:
    return caller.done() and not caller.cancelled() and caller.exception() is None


async def measure_all() -> dict[str, Row]:
    """Measure every contender, one after the other."""
    return {name: await measure(make) for name, make in CONTENDERS.items()}


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table."""
    del arguments
    rows = asyncio.run(measure_all())
    say = sys.stdout.write
    say(
        f"{WAITERS} callers of one key; a call takes {CALL:g} s\n\n"
        "| | the call fails | the first caller leaves | the call hangs "
        f"| {CROWD:,} cold callers |\n"
        "|---|---|---|---|---|\n"
    )
    for name, row in rows.items():
        say(f"| {name} | {row.failing} | {row.leaving} | {row.hanging} | {row.crowd} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
