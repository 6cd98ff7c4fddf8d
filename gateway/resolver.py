"""One lookup, start to finish: the story, told once.

Fresh: the kept answer. Stale: the kept answer now, and a refresh behind it. Else: one
flight that fetches, summarizes, checks and keeps; when that fails, the old answer if it
may stand in, or the error. Everyone else listens to events.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import partial

from adapters.errors import UpstreamError
from adapters.source import Priority
from gateway.answer import Answer, Outcome
from gateway.answering import entry_of, judge, kept_answer, landed_answer, served
from gateway.events import Events, Failed
from gateway.flights import Flights
from gateway.flights.landed import Landed
from gateway.flights.standing import flight_key, renewal_key, standing
from gateway.freshness import Verdict, judge_records, renews_early
from gateway.lookup import Lookup
from gateway.refill import Refill
from gateway.route import Route
from gateway.shedding import Shedding
from gateway.similar import NoSimilar, StandIns
from storage.entry import Entry, Found
from storage.tiers import Tiers

_MARGIN = 1.0
"""Seconds that a caller without a deadline waits beyond the flight's, for the flight's word."""


class Resolver:
    """Answers lookups from the tiers, or from one flight per key."""

    def __init__(
        self,
        *,
        routes: Mapping[str, Route],
        tiers: Tiers,
        flights: Flights[Entry],
        refill: Refill,
        events: Events,
        similar: StandIns | None = None,
        shedding: Shedding | None = None,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._routes = routes
        self._tiers = tiers
        self._flights = flights
        self._refill = refill
        self._events = events
        self.shedding = shedding or Shedding()
        self.similar: StandIns = similar or NoSimilar()
        self._clock = clock
        self._draw = draw

    async def resolve(
        self,
        lookup: Lookup,
        within: float | None = None,
        *,
        want_summary: bool = True,
        patient: bool = False,
    ) -> Answer:
        """Return the best answer there is within *within* seconds.

        Who is *patient* (it sees the answer come) gets an old one only where a new one fails.
        Raise `UpstreamError` when nothing can be fetched and nothing kept may stand in.
        """
        started = time.perf_counter()
        route = self._routes[lookup.source]
        want_summary = want_summary and route.summarizer is not None
        found = await self._find(lookup.key)
        verdict = judge(found, route, self._clock(), want_summary=want_summary)
        try:
            if found is not None and verdict <= Verdict.STALE:
                answer = self._at_once(
                    lookup, route, found, want_summary, stale=verdict is Verdict.STALE
                )
            else:
                answer = await self._fetched(
                    lookup, route, found, within, want_summary, patient=patient
                )
        except UpstreamError as error:
            seconds = time.perf_counter() - started
            self._events.emit(Failed(lookup.source, lookup.key, error.kind.value, seconds))
            raise
        seconds = time.perf_counter() - started
        self._events.emit(served(lookup, answer, seconds, want_summary=want_summary))
        return answer.seen_from(lookup.near)

    async def refresh(
        self, lookup: Lookup, priority: Priority = Priority.WARMUP, *, want_summary: bool = True
    ) -> Answer | None:
        """See that *lookup* is kept fresh: None when it already is, else the new answer.

        Raise `UpstreamError` when it cannot be fetched; what is kept stays.
        """
        route = self._routes[lookup.source]
        want_summary = want_summary and route.summarizer is not None
        found = await self._tiers.find(lookup.key)
        if judge(found, route, self._clock(), want_summary=want_summary) is Verdict.FRESH:
            return None
        landed = await self._fly(lookup, route, entry_of(found), want_summary, priority=priority)
        return self._landed(landed, route, want_summary, found)

    async def renew(
        self,
        lookup: Lookup,
        within: float | None = None,
        *,
        want_summary: bool = True,
        priority: Priority = Priority.CALLER,
    ) -> Answer:
        """Return what the upstream says now, however fresh what is kept may be, and keep it.

        Raise `UpstreamError` when it cannot be fetched; what is kept stays.
        """
        route = self._routes[lookup.source]
        want_summary = want_summary and route.summarizer is not None
        found = await self._tiers.find(lookup.key)
        old = entry_of(found)
        join = partial(
            self._flights.join,
            renewal_key(lookup, route, want_summary),
            lambda: self._refill.run(lookup, route, old, want_summary, priority, early=True),
            deadline=route.deadlines.of(priority),
            priority=priority,
        )
        seconds = route.deadlines.of(priority) + _MARGIN if within is None else within
        landed = await standing(join, seconds, self._tiers, self._flights.begun)
        return self._landed(landed, route, want_summary, found).seen_from(lookup.near)

    async def is_fresh(self, lookup: Lookup) -> bool:
        """Tell whether `refresh` would find nothing to do."""
        route = self._routes[lookup.source]
        found = await self._tiers.find(lookup.key)
        want_summary = route.summarizer is not None
        return judge(found, route, self._clock(), want_summary=want_summary) is Verdict.FRESH

    async def _find(self, key: str) -> Found | None:
        """Return what is kept, or else what a flight brought while slower tiers were asked."""
        found = await self._tiers.find(key)
        late = self._tiers.peek(key) if found is None else None
        return found if late is None else Found(late, "memory")

    def _start(
        self,
        lookup: Lookup,
        route: Route,
        old: Entry,
        want_summary: bool,
        *,
        early: bool = False,
    ) -> None:
        """Refresh behind the answer; what fails there is an event and not the caller's."""
        if self.shedding.pressed:
            return
        priority = Priority.REFRESH
        self._flights.start(
            flight_key(lookup, want_summary),
            lambda: self._refill.run(lookup, route, old, want_summary, priority, early=early),
            route.deadlines.of(priority),
        )

    def _at_once(
        self, lookup: Lookup, route: Route, found: Found, want_summary: bool, *, stale: bool
    ) -> Answer:
        """Answer with what is kept. Some of the last hits refresh it too: what is asked often
        never expires.
        """
        now = self._clock()
        if stale or renews_early(found.entry, route.freshness, now, self._draw()):
            self._start(lookup, route, found.entry, want_summary, early=not stale)
        outcome: Outcome = "stale" if stale else "hit"
        return kept_answer(found, route, outcome, now, want_summary=want_summary)

    async def _fetched(
        self,
        lookup: Lookup,
        route: Route,
        found: Found | None,
        within: float | None,
        want_summary: bool,
        *,
        patient: bool,
    ) -> Answer:
        records = judge_records(entry_of(found), route.freshness, self._clock())
        # Old records may be given instead; for a summary that was asked for, a caller waits.
        old = Verdict.FRESH < records < Verdict.MISSING and not patient
        soft = route.deadlines.soft if old else None
        began, joins = time.perf_counter(), self._flights.flying(flight_key(lookup, want_summary))
        try:
            with self.shedding.place(joins=joins):
                landed = await self._fly(
                    lookup, route, entry_of(found), want_summary, within=within, soft=soft
                )
        except UpstreamError as error:
            if found is None or not self._stands_in(found.entry, route):
                return await self.similar.instead(lookup, route, error, want_summary)
            now = self._clock()
            return kept_answer(found, route, "stale", now, want_summary=want_summary)
        answer = self._landed(landed, route, want_summary, found)
        if not landed.collapsed:
            self.shedding.landed(landed.value, time.perf_counter() - began)
        return answer

    def _fly(
        self,
        lookup: Lookup,
        route: Route,
        old: Entry | None,
        want_summary: bool,
        *,
        within: float | None = None,
        soft: float | None = None,
        priority: Priority = Priority.CALLER,
    ) -> Coroutine[None, None, Landed[Entry]]:
        deadline = route.deadlines.of(priority)
        join = partial(
            self._flights.join,
            flight_key(lookup, want_summary),
            lambda: self._refill.run(lookup, route, old, want_summary, priority),
            soft=soft,
            deadline=deadline,
            priority=priority,
        )
        # A caller may join the flight of bulk work, whose deadline is not a caller's.
        seconds = deadline + _MARGIN if within is None else within
        return standing(join, seconds, self._tiers, self._flights.begun)

    def _landed(
        self, landed: Landed[Entry], route: Route, want_summary: bool, found: Found | None
    ) -> Answer:
        now, refreshed = self._clock(), found is not None
        return landed_answer(landed, route, now, want_summary=want_summary, refreshed=refreshed)

    def _stands_in(self, entry: Entry, route: Route) -> bool:
        """Whether *entry* may still stand in for a failed fetch (RFC 5861 §4).

        Not if it was withdrawn while the fetch went on.
        """
        too_old = judge_records(entry, route.freshness, self._clock()) is Verdict.MISSING
        return not too_old and not self._tiers.withdrawn(entry)
