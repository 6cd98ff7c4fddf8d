"""Loading lookups before anyone asks, through the same resolver as everyone.

What is fresh is skipped; what fails is told and does not stop the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from adapters.errors import UpstreamError
from gateway.lookup import Lookup
from gateway.resolver import Resolver
from gateway.warming.report import Report, Warmed

Admit = Callable[[Lookup], Awaitable[str]]
"""Waits until a lookup may be loaded; says why it is not to be, or nothing."""


async def admitted(_lookup: Lookup) -> str:
    """Let everything be loaded at once."""
    return ""


async def warm(
    resolver: Resolver,
    lookups: Iterable[Lookup],
    *,
    concurrency: int = 4,
    progress: Callable[[Warmed], None] = lambda _: None,
    admit: Admit = admitted,
) -> Report:
    """Load *lookups*, *concurrency* at a time; *progress* is told of each as it ends."""
    pending = iter(lookups)
    results: list[Warmed] = []

    async def worker() -> None:
        for lookup in pending:
            refusal = await admit(lookup)
            result = Warmed(lookup, "left", refusal) if refusal else await _load(resolver, lookup)
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
