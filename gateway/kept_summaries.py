"""Summaries that were written before, by the digest of their input; and those that were refused."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from gateway.drafting import Task
from gateway.duplicates.near import Duplicates
from gateway.events import Events, SummaryReused, TierFailed
from gateway.freshness import REJECTED_RETRY, failed
from gateway.spend.prices import priced
from storage.entry import Part
from storage.summaries import SummaryStore
from storage.tier import TierError

_REFUSALS_KEPT = 2000
SOON = 0.05
"""Seconds after which a summary is written though no entry that has it was kept meanwhile."""


class KeptSummaries:
    """Finds summaries in *store*, and puts them there, where their source's terms allow it.

    A new summary is found from the moment it is kept, and written with the entry that it is for, or
    `SOON` by itself: it was paid for, whatever becomes of the entry.

    A refusal is remembered by this process alone, with what stands in for it: the same records
    found by another query are no reason to pay for the same fault again.
    """

    def __init__(
        self,
        store: SummaryStore,
        duplicates: Duplicates,
        events: Events,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._duplicates = duplicates
        self._events = events
        self._clock = clock
        self._refused: OrderedDict[str, Part] = OrderedDict()
        self._due: list[tuple[Part, float]] = []
        self._unwritten: dict[str, Part] = {}
        self._later: set[asyncio.Task[None]] = set()

    async def find(self, tasks: Sequence[Task]) -> dict[str, Part]:
        """Return what is there of *tasks*, by digest, in one read."""
        found = {}
        for task in tasks:
            refused = self._refused.get(task.digest)
            if refused is not None and self._clock() - refused.at < refused.retry:
                found[task.digest] = refused
        due = {task.digest: task for task in tasks if task.digest not in found}
        stored = await self._stored(list(due))
        for digest, part in stored.items():
            found[digest] = self._reused(due[digest], part)
        for task, part in await self._shared([due[d] for d in due if d not in stored]):
            found[task.digest] = self._reused(task, part)
            self._put(part, task)  # next time it is found by its own name
        return found

    async def keep(self, summary: Part | None, task: Task) -> Part | None:
        """Keep *summary* for the next lookup with the input of *task*, and return it."""
        if summary is None:
            return None
        if failed(summary):
            if summary.retry >= REJECTED_RETRY:
                self._refused[summary.digest] = summary
                if len(self._refused) > _REFUSALS_KEPT:
                    self._refused.popitem(last=False)
        elif task.route.store == "permanent":
            self._put(summary, task)
            until = summary.at + task.route.freshness.summary_ttl
            await self._duplicates.remember(task, until)
        return summary

    async def settled(self) -> None:
        """Write what is due; return when it is written."""
        due, self._due = self._due, []
        if not due:
            return
        try:
            await self._store.put_many(due)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "put", str(error)))
        finally:
            for part, _ in due:
                if self._unwritten.get(part.digest) is part:
                    del self._unwritten[part.digest]

    async def close(self) -> None:
        """Write what is due and finish what is being written."""
        await self.settled()
        await asyncio.gather(*self._later)

    def _put(self, summary: Part, task: Task) -> None:
        if not self._due:
            asyncio.get_running_loop().call_later(SOON, self._settle_later)
        self._due.append((summary, summary.at + task.route.freshness.summary_ttl))
        self._unwritten[summary.digest] = summary

    def _settle_later(self) -> None:
        if self._due:
            task = asyncio.create_task(self.settled(), name="summaries")
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def _shared(self, tasks: Sequence[Task]) -> list[tuple[Task, Part]]:
        """Return the summaries that nearly the same inputs have, each under its task's name."""
        alike = await asyncio.gather(*(self._duplicates.like(task) for task in tasks))
        wanted = {task.digest: (task, other) for task, other in zip(tasks, alike, strict=True)}
        stored = await self._stored(list({other for other in alike if other is not None}))
        return [
            (task, msgspec.structs.replace(stored[other], digest=task.digest))
            for task, other in wanted.values()
            if other in stored
        ]

    def _reused(self, task: Task, part: Part) -> Part:
        lookup, paid = task.lookup, priced(part.bill)
        self._events.emit(
            SummaryReused(lookup.source, lookup.key, part.cost, *paid, tenant=lookup.asker)
        )
        return part

    async def _stored(self, digests: Sequence[str]) -> dict[str, Part]:
        new = {digest: self._unwritten[digest] for digest in digests if digest in self._unwritten}
        rest = [digest for digest in digests if digest not in new]
        if not rest:
            return new
        try:
            return new | await self._store.find(rest)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "get", str(error)))
            return new
