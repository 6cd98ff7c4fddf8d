"""Summaries, written once for each input: found, shared while one is written, or stood in for."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace

from adapters.errors import SummaryError
from adapters.source import Priority
from adapters.summarizers.base import Brief, Draft, Summarizer
from gateway.answer import decode_records, encode_summary
from gateway.events import Events, Summarized, SummaryFailed, SummaryReused, TierFailed
from gateway.flights import Flights
from gateway.freshness import REJECTED_RETRY, SUMMARY_RETRY, failed
from gateway.lookup import Lookup, canonical
from gateway.route import Route
from gateway.spend.prices import priced
from gateway.spend.till import Till
from storage.entry import Part
from storage.summaries import SummaryStore
from storage.tier import TierError

NO_SUMMARY = b"null"
TRIES = 2


class Summaries:
    """Writes the summaries of records; *extractive* stands in for what the gate refused."""

    def __init__(
        self,
        *,
        store: SummaryStore,
        writings: Flights[Part | None],
        extractive: Summarizer,
        till: Till,
        events: Events,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._writings = writings
        self._extractive = extractive
        self._till = till
        self._events = events
        self._clock = clock

    async def write(
        self,
        lookup: Lookup,
        route: Route,
        summarizer: Summarizer,
        records: Part,
        priority: Priority,
    ) -> Part | None:
        """Return the summary of *records*; one that could not be had is a part that failed.

        None: the budget had no room for who asked, and whoever asks next may have it written.
        Raise `UpstreamError` only when the flight is ended at its deadline.
        """
        digest = summary_digest(lookup, route, records.digest)
        brief = Brief(
            query=lookup.text,
            records=decode_records(records.body),
            language=lookup.language or route.language,
            keyword=lookup.keyword,
            roles=route.roles,
            prompt=route.prompt,
            schema=route.gate.report.schema,
            priority=priority,
        )
        # Two queries that find the same records meet here: one summary for both.
        while True:
            landed = await self._writings.join(
                digest, lambda: self._written(lookup, route, summarizer, brief, digest)
            )
            # Refused with others behind whom this one does not stand: it asks for itself.
            if landed.value is not None or not landed.collapsed:
                return landed.value

    async def _written(
        self, lookup: Lookup, route: Route, summarizer: Summarizer, brief: Brief, digest: str
    ) -> Part | None:
        """Return the summary that was paid for already, or a new one, kept for the next time."""
        try:
            known = await self._store.get(digest)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "get", str(error)))
            known = None
        if known is not None:
            self._events.emit(
                SummaryReused(lookup.source, lookup.key, known.cost, *priced(known.bill))
            )
            return known
        summary = await self._summarize(lookup, route, summarizer, brief, digest)
        if summary is not None and not failed(summary) and route.store == "permanent":
            await self._keep(summary, route)
        return summary

    async def _keep(self, summary: Part, route: Route) -> None:
        try:
            await self._store.put(summary, summary.at + route.freshness.summary_ttl)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "put", str(error)))

    async def _summarize(
        self, lookup: Lookup, route: Route, summarizer: Summarizer, brief: Brief, digest: str
    ) -> Part | None:
        started = time.perf_counter()
        try:
            draft = await self._passing(lookup, route, summarizer, brief)
        except SummaryError as error:
            seconds = time.perf_counter() - started
            self._events.emit(
                SummaryFailed(lookup.source, lookup.key, error.reason, error.message, seconds)
            )
            if error.reason == "rejected":
                return await self._stand_in(brief, digest)
            if error.reason == "budget" and brief.priority is not Priority.CALLER:
                return None
            return Part(NO_SUMMARY, self._clock(), seconds, digest, SUMMARY_RETRY)
        seconds, now = time.perf_counter() - started, self._clock()
        usage, bill = draft.usage, self._till.bill(draft)
        self._events.emit(
            Summarized(
                lookup.source,
                lookup.key,
                draft.by,
                seconds,
                usage.prompt_tokens,
                usage.completion_tokens,
                usage.cached_tokens,
                *priced(bill),
            )
        )
        return Part(encode_summary(draft, now, grounded=True), now, seconds, digest, bill=bill)

    async def _passing(
        self, lookup: Lookup, route: Route, summarizer: Summarizer, brief: Brief
    ) -> Draft:
        """Return a draft that the gate lets through; the second try is told what was wrong.

        Raise `SummaryError` when that is refused too. What was refused is kept nowhere.
        """
        reasons: tuple[str, ...] = ()
        for _ in range(TRIES):
            told = replace(brief, rejected=reasons)
            draft = await self._till.draft(lookup, summarizer, told)
            reasons = route.gate.check_summary(draft, told)
            if not reasons:
                return draft
            self._till.wasted(lookup, self._till.bill(draft), "rejected")
        raise SummaryError("rejected", "; ".join(reasons))

    async def _stand_in(self, brief: Brief, digest: str) -> Part:
        """Return the records' own sentences in place of what was refused, marked as such."""
        draft, now = await self._extractive.summarize(brief), self._clock()
        body = encode_summary(draft, now, grounded=True) if draft.text else NO_SUMMARY
        return Part(body, now, 0.0, digest, REJECTED_RETRY)


def summary_digest(lookup: Lookup, route: Route, records: str) -> str:
    """Name everything that shapes a summary (design §5): equal digests are never paid twice."""
    language = lookup.language or route.language
    writer = route.summarizer
    by = () if writer is None else (writer.name, writer.version)
    members = (records, lookup.keyword, language, route.prompt, *by, *route.gate.report.names)
    return hashlib.sha256(canonical(members)).hexdigest()
