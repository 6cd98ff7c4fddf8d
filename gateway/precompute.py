"""Summaries of whole lists of lookups, through the provider's batch endpoint.

The same gate, store, budgets and tiers as for everyone; only the model is asked by batches, so
the gateway that this runs on must have been opened with a `BatchRun`. First all records are
fetched, as many at a time as sources are to be asked; then all summaries are wanted at once, and
go out together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from adapters.errors import UpstreamError
from adapters.source import Priority
from gateway.answer import degradations
from gateway.assembly import Gateway
from gateway.lookup import Lookup
from gateway.streaming import Broadcast
from gateway.summaries.late import keep_late
from gateway.warming import Report, Warmed
from storage.entry import Entry

AT_ONCE = 5_000
"""Lookups whose records are held in memory while their summaries are awaited."""

Progress = Callable[[Warmed], None]


async def precompute(
    gateway: Gateway,
    lookups: Sequence[Lookup],
    *,
    concurrency: int = 4,
    progress: Progress = lambda _: None,
) -> Report:
    """Have *lookups* fetched, *concurrency* at a time, and summarized; tell *progress* of each.

    It may take as long as the provider takes for two batches: a refused summary is tried again.
    """
    results: list[Warmed] = []

    def tell(result: Warmed) -> None:
        results.append(result)
        progress(result)

    for start in range(0, len(lookups), AT_ONCE):
        part = lookups[start : start + AT_ONCE]
        fetched = await _fetched(gateway, part, concurrency, tell)
        async with asyncio.TaskGroup() as group:
            for lookup, entry in fetched:
                group.create_task(_summarized(gateway, lookup, entry, tell))
    return Report(tuple(results))


async def _fetched(
    gateway: Gateway, lookups: Iterable[Lookup], concurrency: int, tell: Progress
) -> list[tuple[Lookup, Entry]]:
    """Return the records of all lookups that are not fresh already, where they can be had."""
    pending, fetched = iter(lookups), list[tuple[Lookup, Entry]]()

    async def worker() -> None:
        for lookup in pending:
            if await gateway.resolver.is_fresh(lookup):
                tell(Warmed(lookup, "skipped"))
                continue
            found = await gateway.tiers.find(lookup.key)
            old = None if found is None else found.entry
            route = gateway.routes[lookup.source]
            try:
                entry = await gateway.refill.run(lookup, route, old, False, Priority.BULK)
            except UpstreamError as error:
                tell(Warmed(lookup, "failed", error.message))
            else:
                fetched.append((lookup, entry))

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())
    return fetched


async def _summarized(gateway: Gateway, lookup: Lookup, entry: Entry, tell: Progress) -> None:
    route = gateway.routes[lookup.source]
    if route.summarizer is None or entry.empty:
        tell(Warmed(lookup, "done"))
        return
    try:
        entry = await gateway.refill.summaries.summarize(
            lookup, route, route.summarizer, entry, Priority.BULK, broadcast=Broadcast()
        )
    except UpstreamError as error:
        tell(Warmed(lookup, "failed", error.message))
        return
    await keep_late(gateway.tiers, entry, memory_only=route.store == "memory_only")
    lacking = degradations(entry, stale=False, summary_expected=True)
    tell(Warmed(lookup, "done", f"without {', '.join(lacking)}" if lacking else ""))
