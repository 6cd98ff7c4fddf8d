"""What a flight does: fetch what is due, summarize it, check it, keep it.

Records and summary are renewed apart. A summary whose input is what it was is carried
over and not paid for again; a summary that cannot be had leaves the records as the answer.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
import orjson

from adapters.errors import SummaryError, UpstreamError
from adapters.source import Payload, Record
from adapters.summarizers.base import Brief, Draft, Summarizer
from gateway.answer import decode_records, encode_head, encode_records, encode_summary
from gateway.events import (
    Events,
    Fetched,
    FetchFailed,
    Stored,
    Summarized,
    SummaryFailed,
    SummaryReused,
    TierFailed,
)
from gateway.flights import Flights
from gateway.freshness import Verdict, failed, judge_records, keep_until
from gateway.lookup import Lookup, canonical
from gateway.route import Route
from storage.entry import Entry, Part
from storage.name_index import NameIndex
from storage.summaries import SummaryStore
from storage.tier import TierError
from storage.tiers import Tiers

NO_SUMMARY = b"null"


@dataclass(frozen=True, slots=True)
class Fetch:
    """What a fetch brought, encoded once."""

    part: Part
    empty: bool
    partial: tuple[str, ...]


class Refill:
    """Makes entries and puts them into the tiers."""

    def __init__(
        self,
        *,
        tiers: Tiers,
        summaries: SummaryStore,
        names: NameIndex,
        fetches: Flights[Fetch],
        writings: Flights[Part],
        events: Events,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tiers = tiers
        self._summaries = summaries
        self._names = names
        self._fetches = fetches
        self._writings = writings
        self._events = events
        self._clock = clock

    async def run(
        self, lookup: Lookup, route: Route, old: Entry | None, want_summary: bool
    ) -> Entry:
        """Return a new entry for *lookup*, kept in every tier that would take it.

        *old* is what stands there now: what of it is still good is carried over.
        Raise `UpstreamError` when records are due and cannot be had.
        """
        entry = await self._renewed(lookup, route, old)
        if want_summary:
            entry = await self._summarized(lookup, route, entry)
        elif self._overtaken(entry):
            return entry
        entry = msgspec.structs.replace(entry, keep_until=keep_until(entry, route.freshness))
        if route.store == "never":
            return entry
        await self._tiers.put(entry, memory_only=route.store == "memory_only")
        self._events.emit(Stored(lookup.source, lookup.key, entry.size))
        return entry

    async def _renewed(self, lookup: Lookup, route: Route, old: Entry | None) -> Entry:
        fresh = judge_records(old, route.freshness, self._clock()) is Verdict.FRESH
        if old is not None and fresh:
            return old
        # Flights with and without a summary meet here: one upstream call for both.
        landed = await self._fetches.join(lookup.key, lambda: self._fetch(lookup, route))
        fetch = landed.value
        kept = None if old is None else old.summary
        digest = summary_digest(lookup, route, fetch.part.digest)
        return Entry(
            key=lookup.key,
            source=lookup.source,
            head=encode_head(lookup),
            records=fetch.part,
            summary=kept if kept is not None and kept.digest == digest else None,
            empty=fetch.empty,
            keep_until=0.0,
            partial=fetch.partial,
        )

    async def _fetch(self, lookup: Lookup, route: Route) -> Fetch:
        started = time.perf_counter()
        try:
            payload = await route.source.fetch(lookup.query)
            route.gate.check_payload(payload)
        except UpstreamError as error:
            seconds = time.perf_counter() - started
            self._events.emit(
                FetchFailed(lookup.source, lookup.key, error.kind.value, error.message, seconds)
            )
            raise
        seconds = time.perf_counter() - started
        count = len(payload.records)
        self._events.emit(Fetched(lookup.source, lookup.key, count, seconds))
        if route.store == "permanent":
            await self._remember(lookup.source, payload)
        part = Part(encode_records(payload), payload.at, seconds, digest_of(payload))
        return Fetch(part, empty=not payload.records, partial=payload.partial)

    async def _remember(self, source: str, payload: Payload) -> None:
        """Have the records found by their names from now on."""
        named = [(str(record["id"]), str(record["name"])) for record in payload.records]
        try:
            await self._names.remember(source, named)
        except TierError as error:
            self._events.emit(TierFailed("names", "put", str(error)))

    async def _summarized(self, lookup: Lookup, route: Route, entry: Entry) -> Entry:
        summarizer = route.summarizer
        if summarizer is None or entry.empty:
            return msgspec.structs.replace(entry, summary=None)
        digest = summary_digest(lookup, route, entry.records.digest)
        if entry.summary is not None and not failed(entry.summary):
            return entry
        brief = Brief(
            query=lookup.text,
            records=decode_records(entry.records.body),
            language=lookup.language or route.language,
            keyword=lookup.keyword,
            roles=route.roles,
            prompt=route.prompt,
        )
        # Two queries that find the same records meet here: one summary for both.
        landed = await self._writings.join(
            digest, lambda: self._written(lookup, route, summarizer, brief, digest)
        )
        return msgspec.structs.replace(entry, summary=landed.value)

    async def _written(
        self, lookup: Lookup, route: Route, summarizer: Summarizer, brief: Brief, digest: str
    ) -> Part:
        """Return the summary that was paid for already, or a new one, kept for the next time."""
        try:
            known = await self._summaries.get(digest)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "get", str(error)))
            known = None
        if known is not None:
            self._events.emit(SummaryReused(lookup.source, lookup.key, known.cost))
            return known
        summary = await self._summarize(lookup, route, summarizer, brief, digest)
        if not failed(summary) and route.store == "permanent":
            await self._keep(summary, route)
        return summary

    async def _keep(self, summary: Part, route: Route) -> None:
        try:
            await self._summaries.put(summary, summary.at + route.freshness.summary_ttl)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "put", str(error)))

    def _overtaken(self, entry: Entry) -> bool:
        """Whether a flight with a summary has kept these records already."""
        kept = self._tiers.peek(entry.key)
        return kept is not None and kept.records.at >= entry.records.at

    async def _summarize(
        self, lookup: Lookup, route: Route, summarizer: Summarizer, brief: Brief, digest: str
    ) -> Part:
        started = time.perf_counter()
        try:
            draft = await _passing(route, summarizer, brief)
        except SummaryError as error:
            seconds = time.perf_counter() - started
            self._events.emit(
                SummaryFailed(lookup.source, lookup.key, error.reason, error.message, seconds)
            )
            return Part(NO_SUMMARY, self._clock(), seconds, digest)
        seconds, now = time.perf_counter() - started, self._clock()
        usage = draft.usage
        self._events.emit(
            Summarized(
                lookup.source,
                lookup.key,
                draft.by,
                seconds,
                usage.prompt_tokens,
                usage.completion_tokens,
            )
        )
        return Part(encode_summary(draft, now, grounded=True), now, seconds, digest)


async def _passing(route: Route, summarizer: Summarizer, brief: Brief) -> Draft:
    """Return a draft that the gate lets through; the second try is told what was wrong.

    Raise `SummaryError` when that is refused too. What was refused is kept nowhere.
    """
    draft = await summarizer.summarize(brief)
    reasons = route.gate.check_summary(draft, brief)
    if reasons:
        told = replace(brief, rejected=reasons)
        draft = await summarizer.summarize(told)
        reasons = route.gate.check_summary(draft, told)
    if reasons:
        raise SummaryError("rejected", "; ".join(reasons))
    return draft


def digest_of(payload: Payload) -> str:
    """Name the content of *payload*: what it says, not when it said so."""
    return _digest(payload.records)


def summary_digest(lookup: Lookup, route: Route, records: str) -> str:
    """Name everything that shapes a summary (design §5): equal digests are never paid twice."""
    language = lookup.language or route.language
    writer = route.summarizer
    by = () if writer is None else (writer.name, writer.version)
    members = (records, lookup.keyword, language, route.prompt, *by)
    return hashlib.sha256(canonical(members)).hexdigest()


def _digest(records: tuple[Record, ...]) -> str:
    content = orjson.dumps([dict(record) for record in records], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()
