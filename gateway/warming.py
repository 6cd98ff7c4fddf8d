"""Loading lookups before anyone asks, through the same resolver as everyone.

What is fresh is skipped; what fails is told and does not stop the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from adapters.errors import UpstreamError
from gateway.lookup import Lookup
from gateway.resolver import Resolver

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
