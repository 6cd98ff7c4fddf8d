"""The similar answer: what was kept for nearly the same question, when nothing else can be had."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import msgspec

from adapters.errors import Kind, UpstreamError
from gateway.answer import Answer, encode_head
from gateway.answering import kept_answer
from gateway.events import Events, TierFailed
from gateway.freshness import Verdict, judge_records
from gateway.likeness import claims, likeness
from gateway.lookup import Lookup
from gateway.route import Route
from storage.entry import Found
from storage.name_index import NameIndex
from storage.tier import TierError
from storage.tiers import Tiers

QUERY_SPACES = "?"
"""What the names of the spaces begin with in which queries are kept beside records' names."""
WITHIN = 0.5
"""Seconds for the search: whoever waits has waited for an upstream already."""
CANDIDATES = 100
"""Kept queries that are compared with the one that was asked."""
PURGE_AFTER = 1000
"""Queries that are noted between two removals of those whose answers are no longer kept."""
_TRIED = 3
"""Entries that are looked up, the most similar first."""
_HOPELESS = frozenset({Kind.INVALID_INPUT, Kind.OVERLOADED})
"""A question that is wrong has no similar one; and who is overloaded does nothing further."""


class StandIns(Protocol):
    """Knows answers where there is no other."""

    def note(self, lookup: Lookup, route: Route) -> None:
        """Have *lookup*, whose answer is kept, found from now on; returns at once."""

    async def instead(
        self, lookup: Lookup, route: Route, error: UpstreamError, want_summary: bool
    ) -> Answer:
        """Return an answer that may stand in for that of *lookup*, or raise *error*."""

    async def settled(self) -> None:
        """Return when everything that was noted is written."""


class NoSimilar:
    """Notes nothing and knows no other answer."""

    def note(self, lookup: Lookup, route: Route) -> None:
        """Forget it."""

    async def instead(
        self, lookup: Lookup, route: Route, error: UpstreamError, want_summary: bool
    ) -> Answer:
        """Raise *error*."""
        raise error

    async def settled(self) -> None:
        """Return: nothing was noted."""


class SimilarAnswers:
    """Finds kept answers by the likeness of their queries, through the index of names."""

    def __init__(
        self,
        names: NameIndex,
        tiers: Tiers,
        events: Events,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._names = names
        self._tiers = tiers
        self._events = events
        self._clock = clock
        self._noted: dict[str, dict[str, str]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._unpurged = 0

    def note(self, lookup: Lookup, route: Route) -> None:
        """Have *lookup* found from now on, where its source may have similar answers."""
        if route.similar.threshold > 0 and route.store == "permanent" and lookup.text:
            self._noted.setdefault(_space(lookup), {})[lookup.key] = lookup.text
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(self._write(), name="queries")

    async def instead(
        self, lookup: Lookup, route: Route, error: UpstreamError, want_summary: bool
    ) -> Answer:
        """Return the answer of the most similar query, marked as such, or raise *error*."""
        if route.similar.threshold == 0 or error.kind in _HOPELESS:
            raise error
        try:
            async with asyncio.timeout(WITHIN):
                similar = await self._find(lookup, route)
        except TimeoutError:
            similar = None
        if similar is None:
            raise error
        found, text = similar
        answer = kept_answer(found, route, "similar", self._clock(), want_summary=want_summary)
        # What was asked is the query, and what it is similar to stands beside.
        entry = msgspec.structs.replace(found.entry, head=encode_head(lookup))
        degraded = ("similar", *answer.degraded)
        return msgspec.structs.replace(answer, entry=entry, degraded=degraded, similar_to=text)

    async def settled(self) -> None:
        """Return when everything that was noted is written."""
        while self._writing is not None and not self._writing.done():
            await asyncio.wait([self._writing])

    async def _find(self, lookup: Lookup, route: Route) -> tuple[Found, str] | None:
        try:
            kept = await self._names.resembling(_space(lookup), lookup.text, CANDIDATES)
        except TierError as error:
            self._events.emit(TierFailed("names", "get", str(error)))
            return None
        asked = claims(lookup.text)
        ranked = sorted(((likeness(lookup.text, each.name), each) for each in kept), key=_likest)
        tried = [
            each
            for alike, each in ranked
            if alike >= route.similar.threshold and claims(each.name) == asked
        ]
        for each in tried[:_TRIED]:
            found = await self._tiers.find(each.id)
            if found is None or found.entry.empty:
                continue
            if judge_records(found.entry, route.freshness, self._clock()) < Verdict.MISSING:
                return found, each.name
        return None

    async def _write(self) -> None:
        while self._noted:
            noted, self._noted = self._noted, {}
            for space, queries in noted.items():
                self._unpurged += len(queries)
                try:
                    await self._names.remember(space, list(queries.items()))
                    if self._unpurged >= PURGE_AFTER:
                        self._unpurged = 0
                        await self._names.purge(QUERY_SPACES)
                except TierError as error:
                    self._events.emit(TierFailed("names", "put", str(error)))


def _likest(scored: tuple[float, object]) -> float:
    return -scored[0]


def _space(lookup: Lookup) -> str:
    """Name all lookups that differ from *lookup* in their text alone."""
    return QUERY_SPACES + replace(lookup, text="").key
