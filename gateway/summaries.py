"""Summaries, written once for each input: found, shared while one is written, or stood in for."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

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
from gateway.streaming import Broadcast, Script, Shared, Telling
from storage.entry import Part
from storage.summaries import SummaryStore
from storage.tier import TierError

NO_SUMMARY = b"null"
TRIES = 2


@dataclass(frozen=True, slots=True)
class _Task:
    """One summary that is to be had."""

    lookup: Lookup
    route: Route
    summarizer: Summarizer
    brief: Brief
    digest: str
    script: Script


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
        self._scripts: Shared[Script] = Shared(Script)

    async def write(
        self,
        lookup: Lookup,
        route: Route,
        summarizer: Summarizer,
        records: Part,
        priority: Priority,
        *,
        broadcast: Broadcast,
    ) -> Part | None:
        """Return the summary of *records*; one that could not be had is a part that failed.

        *broadcast* is told of it as it is written, if anybody listens when that begins.

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
        with self._scripts.hold(digest) as script:
            script.follow(broadcast)
            task = _Task(lookup, route, summarizer, brief, digest, script)
            while True:
                landed = await self._writings.join(digest, lambda: self._written(task))
                # Refused with others behind whom this one does not stand: it asks for itself.
                if landed.value is not None or not landed.collapsed:
                    return landed.value

    async def _written(self, task: _Task) -> Part | None:
        """Return the summary that was paid for already, or a new one, kept for the next time."""
        try:
            known = await self._store.get(task.digest)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "get", str(error)))
            known = None
        if known is not None:
            source, key = task.lookup.source, task.lookup.key
            self._events.emit(SummaryReused(source, key, known.cost, *priced(known.bill)))
            return known
        summary = await self._summarize(task)
        if summary is not None and not failed(summary) and task.route.store == "permanent":
            await self._keep(summary, task.route)
        return summary

    async def _keep(self, summary: Part, route: Route) -> None:
        try:
            await self._store.put(summary, summary.at + route.freshness.summary_ttl)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "put", str(error)))

    async def _summarize(self, task: _Task) -> Part | None:
        started, lookup = time.perf_counter(), task.lookup
        streamed = task.script.wanted
        try:
            draft = await self._passing(task, streamed=streamed)
        except SummaryError as error:
            seconds = time.perf_counter() - started
            self._events.emit(
                SummaryFailed(lookup.source, lookup.key, error.reason, error.message, seconds)
            )
            return await self._without(task, error, seconds, streamed=streamed)
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
        body = encode_summary(draft, now, grounded=True)
        return Part(body, now, seconds, task.digest, bill=bill)

    async def _passing(self, task: _Task, *, streamed: bool) -> Draft:
        """Return a draft that the gate lets through; the second try is told what was wrong.

        Only the first try is *streamed*: whoever listened has its text replaced in the end.
        Raise `SummaryError` when that is refused too. What was refused is kept nowhere.
        """
        reasons: tuple[str, ...] = ()
        summarizer = Telling(task.summarizer, task.script) if streamed else task.summarizer
        for _ in range(TRIES):
            told = replace(task.brief, rejected=reasons)
            draft = await self._till.draft(task.lookup, summarizer, told)
            reasons = task.route.gate.check_summary(draft, told)
            if not reasons:
                return draft
            self._till.wasted(task.lookup, self._till.bill(draft), "rejected")
            task.script.withdraw()
            summarizer = task.summarizer
        raise SummaryError("rejected", "; ".join(reasons))

    async def _without(
        self, task: _Task, error: SummaryError, seconds: float, *, streamed: bool
    ) -> Part | None:
        """Return what stands in the place of a summary that could not be had."""
        if error.reason == "rejected":
            return await self._stand_in(task, REJECTED_RETRY)
        if error.reason == "budget" and task.brief.priority is not Priority.CALLER:
            return None
        if streamed:
            # Who has read half of it is given something whole in its place.
            task.script.withdraw(error)
            return await self._stand_in(task, SUMMARY_RETRY)
        return Part(NO_SUMMARY, self._clock(), seconds, task.digest, SUMMARY_RETRY)

    async def _stand_in(self, task: _Task, retry: float) -> Part:
        """Return the records' own sentences in place of what was refused, marked as such."""
        draft, now = await self._extractive.summarize(task.brief), self._clock()
        body = encode_summary(draft, now, grounded=True) if draft.text else NO_SUMMARY
        return Part(body, now, 0.0, task.digest, retry)


def summary_digest(lookup: Lookup, route: Route, records: str) -> str:
    """Name everything that shapes a summary (design §5): equal digests are never paid twice."""
    language = lookup.language or route.language
    writer = route.summarizer
    by = () if writer is None else (writer.name, writer.version)
    members = (records, lookup.keyword, language, route.prompt, *by, *route.gate.report.names)
    return hashlib.sha256(canonical(members)).hexdigest()
