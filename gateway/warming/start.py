"""What a gateway does when it starts: fill its memory, then load what is due, for all replicas.

Memory is filled by each for itself, from the database alone. What has to be fetched is fetched by
one of them, at a pace, behind everybody's answers; the others look when it has ended, or go on
with what it has left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from gateway.assembly import Gateway
from gateway.beside import beside
from gateway.lookup import Lookup, make_lookup
from gateway.warming.ahead import Ahead
from gateway.warming.freshness import distinct, fresh_among
from gateway.warming.report import Report
from gateway.warming.running import warm
from storage.leases import Note
from storage.tier import TierError

CANDIDATES = 10_000
"""Of the most asked lookups so many are looked for in the database."""
LEASE = "warmup:start"
_UNFINISHED = Note("unfinished")
_FULL = 0.9
"""Memory is filled up to this share of its bound: nothing that is wanted pushes out another."""
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def warming_on_start(gateway: Gateway) -> AsyncIterator[None]:
    """Warm *gateway* behind its first answers, and keep it warm, as the file says."""
    section = gateway.config.warmup
    works = {}
    if section.on_start:
        gateway.warmth.begin()
        works["warm-up"] = _start(gateway)
    if section.ahead.on:
        works["ahead of expiry"] = Ahead(gateway, section.ahead).run()
    async with beside(**works):
        yield


async def _start(gateway: Gateway) -> None:
    try:
        async with asyncio.timeout(gateway.config.warmup.ready_within):
            filled = await fill(gateway)
            _log.info("warmup.filled", entries=filled, bytes=gateway.tiers.memory.bytes)
    except TimeoutError:
        _log.info("warmup.filled_in_part", bytes=gateway.tiers.memory.bytes)
    except TierError as error:
        _log.warning("warmup.not_filled", reason=str(error))
    finally:
        gateway.warmth.end()
    with suppress(TierError):
        await load_due(gateway)


async def fill(gateway: Gateway) -> int:
    """Have memory hold what is asked most and still fresh; return how many. Raise `TierError`."""
    section, memory = gateway.config.warmup, gateway.tiers.memory
    most = min(section.ready_bytes, int(gateway.config.memory.max_bytes * _FULL))
    await gateway.popularity.refresh()
    top = await gateway.popularity.top(CANDIDATES, gateway.routes)
    lookups = [lookup for _, lookup in top]
    fresh = await fresh_among(
        gateway.survey, gateway.routes, lookups, gateway.clock, lambda: memory.bytes < most
    )
    return min(len(fresh), memory.entries)


async def load_due(gateway: Gateway) -> Report:
    """Load what is listed and what is asked most, where it is due; one replica does it for all.

    Raise `TierError`.
    """

    async def work() -> Report:
        return await _load(gateway, await _wanted(gateway))

    async def look(note: str) -> Report | None:
        return None if note else Report(())

    return await gateway.leases.once(LEASE, work, look, lambda _: _UNFINISHED)


async def _wanted(gateway: Gateway) -> list[Lookup]:
    top = gateway.config.warmup.top
    listed = [
        make_lookup(route, query) for route in gateway.routes.values() for query in route.warm[:top]
    ]
    asked = await gateway.popularity.top(top, gateway.routes)
    return distinct([*listed, *(lookup for _, lookup in asked)])


async def _load(gateway: Gateway, lookups: Sequence[Lookup]) -> Report:
    fresh = await fresh_among(gateway.survey, gateway.routes, lookups, gateway.clock)
    due = [lookup for lookup in lookups if lookup.key not in fresh]
    report = await warm(gateway.resolver, due, admit=paced(gateway.config.warmup.per_second))
    _log.info(
        "warmup.done",
        loaded=report.count("done"),
        fresh_already=report.count("skipped") + len(fresh),
        failed=report.count("failed"),
    )
    return report


def paced(
    per_second: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Callable[[Lookup], Awaitable[str]]:
    """Return what admits *per_second* lookups at most, evenly."""
    begins = clock()

    async def admit(_lookup: Lookup) -> str:
        nonlocal begins
        wait, begins = begins - clock(), max(begins, clock()) + 1 / per_second
        if wait > 0:
            await sleep(wait)
        return ""

    return admit
