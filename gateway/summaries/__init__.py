"""Summaries, written once for each input: found, shared while one is written, or stood in for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from adapters.source import Priority, Record
from adapters.summarizers.base import Brief, Summarizer
from gateway.answer import decode_records
from gateway.events import Events
from gateway.flights import Flights
from gateway.items import read_items
from gateway.lookup import Lookup
from gateway.route import Route
from gateway.spend.till import Till
from gateway.streaming import Broadcast, Script, Shared
from gateway.summaries.digest import summary_digest
from gateway.summaries.drafting import Drafting, Task
from gateway.summaries.kept import KeptSummaries
from gateway.summaries.near import Duplicates, NoDuplicates
from gateway.summaries.single import ItemSummaries
from storage.entry import Entry, Part
from storage.summaries import SummaryStore


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
        duplicates: Duplicates | None = None,
    ) -> None:
        self._writings = writings
        same = NoDuplicates() if duplicates is None else duplicates
        self._made_from = (store, extractive, clock, same)
        self._kept = KeptSummaries(store, same, events, clock)
        self._drafting = Drafting(extractive=extractive, till=till, events=events, clock=clock)
        self._items = ItemSummaries(
            kept=self._kept, writings=writings, drafting=self._drafting, clock=clock
        )
        self._scripts: Shared[Script] = Shared(Script)

    async def summarize(
        self,
        lookup: Lookup,
        route: Route,
        summarizer: Summarizer,
        entry: Entry,
        priority: Priority,
        *,
        broadcast: Broadcast,
    ) -> Entry:
        """Return *entry* with its summary, or with one in each item, as the source's scope is.

        Raise like `write`.
        """
        if route.scope == "result":
            summary = await self.write(
                lookup, route, summarizer, entry.records, priority, broadcast=broadcast
            )
            return msgspec.structs.replace(entry, summary=summary)
        tasks = []
        for item in read_items(entry.records.body):
            brief = _brief(
                lookup, route, str(item.record.get("name", "")), (item.record,), priority
            )
            digest = summary_digest(lookup, route, item.digest)
            tasks.append(Task(lookup, route, summarizer, brief, digest))
        whole = summary_digest(lookup, route, entry.records.digest)
        return await self._items.write(entry, tasks, whole)

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
        brief = _brief(lookup, route, lookup.text, decode_records(records.body), priority)
        # Two queries that find the same records meet here: one summary for both.
        with self._scripts.hold(digest) as script:
            script.follow(broadcast)
            task = Task(lookup, route, summarizer, brief, digest, script)
            while True:
                landed = await self._writings.join(digest, lambda: self._written(task))
                # Refused with others behind whom this one does not stand: it asks for itself.
                if landed.value is not None or not landed.collapsed:
                    return landed.value

    def apart(self, *, writings: Flights[Part | None], till: Till, events: Events) -> Summaries:
        """Return others that find and keep in the same place, and share no writing with these.

        What takes hours there is waited for by nobody here.
        """
        store, extractive, clock, same = self._made_from
        return Summaries(
            store=store,
            writings=writings,
            extractive=extractive,
            till=till,
            events=events,
            clock=clock,
            duplicates=same,
        )

    def settled(self) -> asyncio.Future[None]:
        """Return what ends when the summaries that were kept until now are written."""
        return self._kept.settled()

    async def close(self) -> None:
        """Write what is still to be written."""
        await self._kept.close()

    async def _written(self, task: Task) -> Part | None:
        """Return the summary that was paid for already, or a new one, kept for the next time."""
        known = (await self._kept.find((task,))).get(task.digest)
        if known is not None:
            return known
        return await self._kept.keep(await self._drafting.write(task), task)


def _brief(
    lookup: Lookup, route: Route, query: str, records: Sequence[Record], priority: Priority
) -> Brief:
    return Brief(
        query=query,
        records=tuple(records),
        language=lookup.language or route.language,
        keyword=lookup.keyword,
        roles=route.roles,
        prompt=route.prompt,
        schema=route.gate.report.schema,
        priority=priority,
        context=lookup.context,
        history=lookup.history,
    )
