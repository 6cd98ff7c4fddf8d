"""Answers whose summary is shaped by what its reader looked up before.

Their records are everybody's, and go everybody's way. Their summary belongs to the content of
the history alone: it is named by a digest that holds it, and stands in no entry, so that nobody
else can be given it, and withdrawn records take it with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import msgspec
from cachebox import LRUCache

from adapters.errors import UpstreamError
from adapters.source import Priority
from gateway.answer import Answer, degradations
from gateway.freshness import failed
from gateway.lookup import Lookup
from gateway.refill import Refill
from gateway.resolver import Resolver
from gateway.route import Route
from storage.entry import Entry, Part

REMEMBERED = 1000
"""So many shaped summaries are kept in memory; what was paid for is in the database besides."""


class PersonalResolver:
    """Answers lookups like *resolver*; *clock* gives Unix seconds."""

    def __init__(self, resolver: Resolver, refill: Refill, clock: Callable[[], float]) -> None:
        self._resolver = resolver
        self._refill = refill
        self._clock = clock
        self._parts: LRUCache[tuple[str, str], Part] = LRUCache(REMEMBERED)

    async def resolve(
        self,
        lookup: Lookup,
        route: Route,
        within: float | None = None,
        *,
        want_summary: bool = True,
        patient: bool = False,
    ) -> Answer:
        """Return the best answer there is, like `Resolver.resolve`; raise `UpstreamError`."""
        shaped = want_summary and bool(lookup.history) and route.summarizer is not None
        number = self._refill.broadcasts.begin() if shaped else 0
        answer = await self._resolver.resolve(
            replace(lookup, history=()) if lookup.history else lookup,
            within,
            want_summary=want_summary and not shaped,
            patient=patient,
        )
        if not shaped or answer.entry.empty:
            return answer
        summary = None
        with suppress(TimeoutError, UpstreamError):  # the records are the answer all the same
            async with asyncio.timeout(within):
                summary = await self._summary(lookup, route, answer.entry, number)
        entry = msgspec.structs.replace(answer.entry, summary=summary)
        stale = "stale" in answer.degraded
        degraded = degradations(entry, stale=stale, summary_expected=True)
        return msgspec.structs.replace(answer, entry=entry, degraded=degraded)

    async def _summary(
        self, lookup: Lookup, route: Route, entry: Entry, number: int
    ) -> Part | None:
        known: Part | None = self._parts.get((lookup.key, entry.records.digest))
        if known is not None and not self._over(known):
            return known
        assert route.summarizer is not None  # its caller has looked
        with self._refill.broadcasts.telling(lookup.key, entry, number) as broadcast:
            part = await self._refill.summaries.write(
                lookup, route, route.summarizer, entry.records, Priority.CALLER, broadcast=broadcast
            )
        if part is not None and route.store != "never":
            self._parts.insert((lookup.key, entry.records.digest), part)
        return part

    def _over(self, part: Part) -> bool:
        """Whether an attempt that brought nothing may be made again."""
        return failed(part) and self._clock() - part.at >= part.retry
