"""Loading lookups before anyone asks, through the same resolver as everyone.

What is fresh is skipped; what fails is told and does not stop the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import structlog

from adapters.errors import UpstreamError
from gateway.assembly import Gateway
from gateway.lookup import Lookup, make_lookup
from gateway.resolver import Resolver

_log = structlog.get_logger(__name__)

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Warmed:
    """What became of one lookup."""

    lookup: Lookup
    status: Status
    why: str = ""
    """Why it failed, or what is missing from its answer."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a warm-up did."""

    results: tuple[Warmed, ...]

    def count(self, status: Status) -> int:
        """Return how many ended so."""
        return sum(result.status == status for result in self.results)


async def warm(
    resolver: Resolver,
    lookups: Iterable[Lookup],
    *,
    concurrency: int = 4,
    progress: Callable[[Warmed], None] = lambda _: None,
) -> Report:
    """Load *lookups*, *concurrency* at a time; *progress* is told of each as it ends."""
    pending = iter(lookups)
    results: list[Warmed] = []

    async def worker() -> None:
        for lookup in pending:
            result = await _load(resolver, lookup)
            results.append(result)
            progress(result)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())
    return Report(tuple(results))


@asynccontextmanager
async def warming_on_start(gateway: Gateway) -> AsyncIterator[None]:
    """Load every source's ``warm`` list behind the first answers, where the file says so."""
    section = gateway.config.warmup
    if not section.on_start:
        yield
        return
    lookups = [
        make_lookup(route, query)
        for route in gateway.routes.values()
        for query in route.warm[: section.top]
    ]
    task = asyncio.create_task(_tell(gateway.resolver, lookups), name="warm-up")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _tell(resolver: Resolver, lookups: Sequence[Lookup]) -> None:
    report = await warm(resolver, lookups)
    _log.info(
        "warmup.done",
        loaded=report.count("done"),
        fresh_already=report.count("skipped"),
        failed=report.count("failed"),
    )


async def _load(resolver: Resolver, lookup: Lookup) -> Warmed:
    try:
        answer = await resolver.refresh(lookup)
    except UpstreamError as error:
        return Warmed(lookup, "failed", error.message)
    if answer is None:
        return Warmed(lookup, "skipped")
    return Warmed(lookup, "done", _missing(answer.degraded))


def _missing(degraded: Sequence[str]) -> str:
    return f"without {', '.join(degraded)}" if degraded else ""
