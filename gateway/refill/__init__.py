"""What a flight does: fetch what is due, summarize it, check it, keep it.

Records and summary are renewed apart. A summary whose input is what it was is carried
over and not paid for again; a summary that cannot be had leaves the records as the answer.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from adapters.source import Priority
from gateway.answer import encode_head
from gateway.events import Events, Stored, SummaryReused
from gateway.fleet.turns import Turns
from gateway.flights import Flights
from gateway.freshness import (
    KEPT_NOWHERE,
    Verdict,
    failed,
    judge_records,
    judge_summary,
    keep_until,
)
from gateway.items import carried
from gateway.lookup import Lookup
from gateway.refill.fetching import Fetch, Fetching, Named
from gateway.refill.keeping import Keeping
from gateway.route import Route
from gateway.similar import NoSimilar, StandIns
from gateway.spend.prices import priced
from gateway.streaming import Broadcast, Broadcasts
from gateway.summaries import Summaries
from gateway.summaries.digest import summary_digest
from storage.entry import Entry, Part
from storage.leases import Leases, NoLeases
from storage.name_index import NameIndex
from storage.tiers import Tiers


class Refill:
    """Makes entries and puts them into the tiers."""

    def __init__(
        self,
        *,
        tiers: Tiers,
        summaries: Summaries,
        names: NameIndex,
        fetches: Flights[Fetch],
        events: Events,
        queries: StandIns | None = None,
        leases: Leases | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._tiers = tiers
        self.summaries = summaries
        self.queries = queries or NoSimilar()
        """Knows what was asked, for answers to similar questions."""
        self._fetches = fetches
        self._fetching = Fetching(events, timer)
        self._keeping = Keeping(
            tiers=tiers,
            names=names,
            summaries=summaries,
            queries=self.queries,
            events=events,
        )
        self.broadcasts = Broadcasts()
        """What the flights tell before they land."""
        self._events = events
        self._turns = Turns(leases or NoLeases(), tiers, clock)
        self._clock = clock

    def run(
        self,
        lookup: Lookup,
        route: Route,
        old: Entry | None,
        want_summary: bool,
        priority: Priority = Priority.CALLER,
        *,
        early: bool = False,
    ) -> Awaitable[Entry]:
        """Return a new entry for *lookup*, kept in every tier that would take it.

        Its ``keep_until`` is `KEPT_NOWHERE` where no tier did.
        *old* is what stands there now: what of it is still good is carried over, except that
        records which are still fresh are fetched all the same when they are renewed *early*.
        Raise `UpstreamError` when records are due and cannot be had.
        """
        make = partial(self._make, lookup, route, old, want_summary, priority, early=early)
        return self._turns.take(lookup, route, old, make, want_summary=want_summary)

    async def _make(
        self,
        lookup: Lookup,
        route: Route,
        old: Entry | None,
        want_summary: bool,
        priority: Priority,
        *,
        early: bool,
    ) -> Entry:
        number = self.broadcasts.begin()
        # What this brings may be given to whoever came before it began: nothing of it may have been
        # withdrawn by then. Of what was found a while ago that has to be known.
        if old is not None and not self._tiers.serves(old, self._tiers.mark):
            old = None
        entry, named = await self._renewed(lookup, route, old, priority, early=early)
        with self.broadcasts.telling(lookup.key, entry, number) as broadcast:
            if want_summary:
                entry = await self._summarized(lookup, route, entry, priority, broadcast)
        kept = msgspec.structs.replace(entry, keep_until=keep_until(entry, route.freshness))
        if route.summarizer is not None and not want_summary and self._overtaken(entry):
            return kept
        if await self._keeping.keep(lookup, route, kept, named):
            changed = old is not None and old.records.digest != entry.records.digest
            self._events.emit(Stored(lookup.source, lookup.key, entry.size, changed))
            return kept
        return msgspec.structs.replace(entry, keep_until=KEPT_NOWHERE)

    async def _renewed(
        self, lookup: Lookup, route: Route, old: Entry | None, priority: Priority, *, early: bool
    ) -> tuple[Entry, Named]:
        """Return an entry with records that are fresh, and the names of those that are new."""
        fresh = judge_records(old, route.freshness, self._clock()) is Verdict.FRESH
        if old is not None and fresh and not early:
            return old, ()

        def fetch() -> Awaitable[Fetch]:
            position = self._tiers.withdrawals.position
            return self._fetching.fetch(lookup, route, old, priority, position)

        if route.summarizer is None:  # this is the one flight of its key
            brought = await fetch()
            return _entry_of(lookup, route, brought), brought.named
        # Flights with and without a summary meet here: one upstream call for both, unless that
        # began before this flight and brings what was withdrawn meanwhile.
        mark, begun = self._tiers.mark, self._fetches.begun
        while True:
            seconds = route.deadlines.of(priority)
            landed = await self._fetches.join(lookup.key, fetch, deadline=seconds)
            entry = _entry_of(lookup, route, landed.value)
            if landed.number > begun or self._tiers.serves(entry, mark):
                digest = summary_digest(lookup, route, entry.records.digest)
                return carried(entry, old, digest), landed.value.named

    async def _summarized(
        self,
        lookup: Lookup,
        route: Route,
        entry: Entry,
        priority: Priority,
        broadcast: Broadcast,
    ) -> Entry:
        summarizer = route.summarizer
        if summarizer is None or entry.empty:
            return msgspec.structs.replace(entry, summary=None)
        # Also one that was refused a while ago: unchanged records are no reason to pay again.
        if judge_summary(entry, self._clock()) is Verdict.FRESH:
            self._tell_reuse(lookup, entry.summary)
            return entry
        return await self.summaries.summarize(
            lookup, route, summarizer, entry, priority, broadcast=broadcast
        )

    def _tell_reuse(self, lookup: Lookup, summary: Part | None) -> None:
        if summary is not None and not failed(summary):
            paid = priced(summary.bill)
            self._events.emit(SummaryReused(lookup.source, lookup.key, *paid, tenant=lookup.asker))

    def _overtaken(self, entry: Entry) -> bool:
        """Whether a flight with a summary has kept these records already."""
        kept = self._tiers.peek(entry.key)
        return kept is not None and kept.records.at >= entry.records.at


def _entry_of(lookup: Lookup, route: Route, fetch: Fetch) -> Entry:
    """Return the entry of what *fetch* brought, kept nowhere yet and without a summary."""
    return Entry(
        key=lookup.key,
        source=lookup.source,
        head=encode_head(lookup),
        records=fetch.part,
        summary=None,
        empty=fetch.empty,
        keep_until=0.0,
        tags=route.tags,
        position=fetch.position,
        partial=fetch.partial,
        holds=fetch.holds,
    )
