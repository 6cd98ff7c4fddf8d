"""What a provider answered for the lookups of a batch, gated, counted and kept like any summary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from adapters.errors import UpstreamError
from adapters.llm.answered import Answered, Gathering
from adapters.llm.batches import MAX_BYTES, Result
from adapters.llm.chat import Chat
from adapters.source import Priority
from adapters.summarizers.openai import OpenAISummarizer
from gateway.bulk.faults import Fault
from gateway.events import Events, SummaryWasted
from gateway.flights import Flights
from gateway.lookup import Lookup
from gateway.parameters import BadLookupError
from gateway.resolver import Resolver
from gateway.route import Route
from gateway.spend.budgets import Holds, Reserved
from gateway.spend.prices import PriceSpec, batch_prices, bill_of
from gateway.spend.till import Till
from gateway.streaming import Broadcast
from gateway.summaries import Summaries
from gateway.summaries.late import keep_late
from gateway.wanted import read_wanted
from gateway.writers import Post
from storage.batches import Batch, BatchStore, Finished, Item
from storage.entry import Entry, Part
from storage.provider_batches import ProviderBatch
from storage.tiers import Tiers

MOST_BYTES = MAX_BYTES // 2
"""Of what goes out together: the last lookup's share comes on top."""
TOLD_AT_ONCE = 50
"""Lookups that are done before the database is told."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What is needed to see to one lookup."""

    resolver: Resolver
    tiers: Tiers
    routes: Mapping[str, Route]
    summaries: Summaries
    post: Post
    prices: Mapping[str, PriceSpec]
    till: Till
    budgets: Holds
    events: Events


class Answers:
    """Sees to lookups whose summaries are written together; *told* is called as some are done."""

    def __init__(
        self,
        desk: Desk,
        store: BatchStore,
        *,
        seconds: float,
        concurrency: int,
        told: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._store = store
        self._concurrency = concurrency
        self._told = told
        self._seconds = seconds
        # No writing is shared with callers: what is waited for here may take a while.
        self._writings: Flights[Part | None] = Flights(seconds)
        self._summaries = desk.summaries.apart(
            writings=self._writings, till=desk.till, events=desk.events
        )

    def reserve(self) -> Reserved:
        """Return what holds the price of what is gathered, until it is released."""
        return Reserved(self._desk.budgets)

    async def gather(
        self, batch: Batch, items: Iterable[Item], gathering: Gathering, reserved: Reserved
    ) -> list[Item]:
        """Have *gathering* note what a model is to be asked for *items*, if anything.

        Return those that it was for: as many as go out together. Nobody is told of it yet.
        """
        silent, writings = Events(), Flights[Part | None](self._seconds)
        till = Till(batch_prices(self._desk.prices), reserved, silent)
        summaries = self._desk.summaries.apart(writings=writings, till=till, events=silent)
        gathered = []
        for item in items:
            if gathering.size > MOST_BYTES:
                break
            found = await self._found(batch, item)
            if found is not None:
                await self._write(summaries, *found, gathering)
            gathered.append(item)
        await summaries.close()
        return gathered

    async def finish(
        self, batch: Batch, items: Iterable[Item], results: Mapping[str, Result]
    ) -> Mapping[str, Result]:
        """Write the summaries of *items* from *results*; return which of these nobody wanted.

        Raise `TierError`.
        """
        desk = self._desk
        answered = Answered(desk.post.live.model, results, desk.post.live)
        pending, done = iter(items), list[Finished]()

        async def worker() -> None:
            for item in pending:
                done.append(await self._see_to(batch, item, answered))
                if len(done) >= TOLD_AT_ONCE:
                    await self._tell(batch, done)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(worker())
        finally:
            await self._summaries.settled()
            await self._tell(batch, done)
        return answered.left

    def waste(self, sent: ProviderBatch, results: Mapping[str, Result]) -> None:
        """Tell what of *sent* was paid for and is of no use to anybody."""
        desk = self._desk
        for result in results.values():
            usage = result.usage
            bill = usage and bill_of(desk.prices, f"openai:{desk.post.live.model}", usage)
            if bill:
                tokens = (bill.prompt_tokens, bill.completion_tokens, bill.cached_tokens)
                desk.events.emit(
                    SummaryWasted(
                        sent.source, "", bill.model, "unused", *tokens, bill.usd, tenant=sent.tenant
                    )
                )

    async def close(self) -> None:
        """Let what is being written land."""
        await self._writings.close(self._seconds)
        await self._summaries.close()

    async def _see_to(self, batch: Batch, item: Item, answered: Answered) -> Finished:
        try:
            wanted = read_wanted(item.asked)
            route, lookup = wanted.lookup(self._desk.routes, batch.tenant)
            found = await self._found(batch, item)
            if found is None:  # its records are gone: it is looked up like any other
                await self._desk.resolver.refresh(lookup, Priority.BULK)
            else:
                entry = await self._write(self._summaries, lookup, route, found[2], answered)
                only_here = route.store == "memory_only"
                await keep_late(self._desk.tiers, entry, memory_only=only_here)
        except BadLookupError as error:
            return _failed(item, Fault("parameter", error.message, error.parameter))
        except UpstreamError as error:
            return _failed(item, Fault(error.kind.value, error.message))
        return Finished(0, item.number, "done")

    async def _write(
        self, summaries: Summaries, lookup: Lookup, route: Route, entry: Entry, chat: Chat
    ) -> Entry:
        if entry.empty:
            return entry
        writer = OpenAISummarizer(chat)
        return await summaries.summarize(
            lookup, route, writer, entry, Priority.BULK, broadcast=Broadcast()
        )

    async def _found(self, batch: Batch, item: Item) -> tuple[Lookup, Route, Entry] | None:
        try:
            route, lookup = read_wanted(item.asked).lookup(self._desk.routes, batch.tenant)
        except BadLookupError:
            return None
        found = await self._desk.tiers.find(lookup.key)
        return None if found is None else (lookup, route, found.entry)

    async def _tell(self, batch: Batch, done: list[Finished]) -> None:
        told = done[:]
        del done[: len(told)]
        if told:
            await self._store.finish(batch.id, told)
            self._told()


def _failed(item: Item, fault: Fault) -> Finished:
    return Finished(0, item.number, "failed", detail=msgspec.json.encode(fault).decode())
