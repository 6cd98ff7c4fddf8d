"""What a flight does: fetch what is due, summarize it, check it, keep it.

Records and summary are renewed apart. A summary whose input is what it was is carried
over and not paid for again; a summary that cannot be had leaves the records as the answer.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import msgspec
import orjson

from adapters.errors import UpstreamError
from adapters.source import Payload, Priority, Record
from gateway.answer import encode_head, encode_records
from gateway.events import (
    Events,
    Fetched,
    FetchFailed,
    Stored,
    SummaryReused,
    TierFailed,
)
from gateway.fleet.turns import Turns
from gateway.flights import Flights
from gateway.freshness import (
    Verdict,
    failed,
    judge_records,
    judge_summary,
    keep_until,
)
from gateway.items import carried
from gateway.lookup import Lookup, comparable, names_space
from gateway.route import Route
from gateway.spend.prices import priced
from gateway.streaming import Broadcast, Shared
from gateway.summaries import Summaries
from gateway.summary_digest import summary_digest
from storage.entry import Entry, Part
from storage.leases import Leases, NoLeases
from storage.name_index import NameIndex
from storage.tier import TierError
from storage.tiers import Tiers
from storage.withdrawals import holdings

KEPT_NOWHERE = 0.0
"""The ``keep_until`` of an entry that is answered with and in no tier."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """What a fetch brought, encoded once."""

    part: Part
    empty: bool
    partial: tuple[str, ...]
    holds: str
    """What the answer is found by when it is to be withdrawn."""
    position: int
    """Where the log of invalidations stood before: the fence (design §7)."""


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
        leases: Leases | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._tiers = tiers
        self.summaries = summaries
        self._names = names
        self._fetches = fetches
        self.broadcasts: Shared[Broadcast] = Shared(Broadcast)
        """What the flights tell before they land, by the key of their lookup."""
        self._events = events
        self._turns = Turns(leases or NoLeases(), tiers, clock)
        self._clock = clock
        self._timer = timer

    async def run(
        self,
        lookup: Lookup,
        route: Route,
        old: Entry | None,
        want_summary: bool,
        priority: Priority = Priority.CALLER,
        *,
        early: bool = False,
    ) -> Entry:
        """Return a new entry for *lookup*, kept in every tier that would take it.

        Its ``keep_until`` is `KEPT_NOWHERE` where no tier did.
        *old* is what stands there now: what of it is still good is carried over, except that
        records which are still fresh are fetched all the same when they are renewed *early*.
        Raise `UpstreamError` when records are due and cannot be had.
        """
        make = partial(self._make, lookup, route, old, want_summary, priority, early=early)
        return await self._turns.take(lookup, route, old, make, want_summary=want_summary)

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
        if old is not None and self._tiers.withdrawn(old):
            old = None  # since it was found: nothing of it is good any more
        with self.broadcasts.hold(lookup.key, ending=want_summary) as broadcast:
            entry = await self._renewed(lookup, route, old, priority, early=early)
            broadcast.begin(entry)
            if want_summary:
                entry = await self._summarized(lookup, route, entry, priority, broadcast)
        kept = msgspec.structs.replace(entry, keep_until=keep_until(entry, route.freshness))
        if not want_summary and self._overtaken(entry):
            return kept
        if route.store != "never" and await self._tiers.put(
            kept, memory_only=route.store == "memory_only"
        ):
            changed = old is not None and old.records.digest != entry.records.digest
            self._events.emit(Stored(lookup.source, lookup.key, entry.size, changed))
            return kept
        return msgspec.structs.replace(entry, keep_until=KEPT_NOWHERE)

    async def _renewed(
        self, lookup: Lookup, route: Route, old: Entry | None, priority: Priority, *, early: bool
    ) -> Entry:
        fresh = judge_records(old, route.freshness, self._clock()) is Verdict.FRESH
        if old is not None and fresh and not early:
            return old
        # Flights with and without a summary meet here: one upstream call for both.
        landed = await self._fetches.join(
            lookup.key,
            lambda: self._fetch(lookup, route, old, priority),
            deadline=route.deadlines.of(priority),
        )
        fetch = landed.value
        entry = Entry(
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
        return carried(entry, old, summary_digest(lookup, route, fetch.part.digest))

    async def _fetch(
        self, lookup: Lookup, route: Route, old: Entry | None, priority: Priority
    ) -> Fetch:
        started, position = self._timer(), self._tiers.withdrawals.position
        # What lacks a part is asked for anew, or it would lack it for ever.
        known = "" if old is None or old.partial else old.records.validator
        query = replace(lookup.query, priority=priority, validator=known)
        try:
            payload = await route.source.fetch(query)
            if not payload.unchanged:
                route.gate.check_payload(payload)
        except UpstreamError as error:
            seconds = self._timer() - started
            self._events.emit(
                FetchFailed(lookup.source, lookup.key, error.kind.value, error.message, seconds)
            )
            raise
        seconds = self._timer() - started
        count = len(payload.records)
        self._events.emit(Fetched(lookup.source, lookup.key, count, seconds, tenant=lookup.asker))
        if old is not None and payload.unchanged:
            part = msgspec.structs.replace(old.records, at=payload.at, cost=seconds)
            return Fetch(part, old.empty, old.partial, old.holds, position)
        if route.store == "permanent":
            await self._remember(names_space(route, lookup.tenant), payload, position)
        body, digest = encode_records(payload), digest_of(payload)
        part = Part(body, payload.at, seconds, digest, validator=payload.validator)
        holds = holdings(lookup.text, map(_naming, payload.records))
        return Fetch(part, not payload.records, payload.partial, holds, position)

    async def _remember(self, space: str, payload: Payload, position: int) -> None:
        """Have the records found by their names from now on."""
        named = [(str(record["id"]), str(record["name"])) for record in payload.records]
        try:
            await self._names.remember(space, named, position)
        except TierError as error:
            self._events.emit(TierFailed("names", "put", str(error)))

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
            self._events.emit(
                SummaryReused(lookup.source, lookup.key, summary.cost, *paid, tenant=lookup.asker)
            )

    def _overtaken(self, entry: Entry) -> bool:
        """Whether a flight with a summary has kept these records already."""
        kept = self._tiers.peek(entry.key)
        return kept is not None and kept.records.at >= entry.records.at


def _naming(record: Record) -> tuple[str, str]:
    return str(record["id"]), comparable(str(record["name"]))


def digest_of(payload: Payload) -> str:
    """Name the content of *payload*: what it says, not when it said so."""
    records = [dict(record) for record in payload.records]
    content = orjson.dumps(records, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()
