"""Summaries that were written before, by the digest of their input; and those that were refused."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from gateway.events import Events, SummaryReused, TierFailed
from gateway.freshness import REJECTED_RETRY, failed
from gateway.spend.prices import priced
from gateway.summaries.drafting import Task
from gateway.summaries.near import Duplicates
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

    A refusal is kept as well, for as long as its input is not tried again, with what stands in for
    it: the same records found by another query, by another replica or after a restart are no
    reason to pay for the same fault again. Where the terms allow no summary to be kept, and while
    the database is away, this process alone remembers it.
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
            if refused is not None and self._stands(refused):
                found[task.digest] = refused
        due = {task.digest: task for task in tasks if task.digest not in found}
        stored = await self._stored(list(due))
        for digest, part in stored.items():
            found[digest] = part if failed(part) else self._reused(due[digest], part)
        for task, part in await self._shared([due[d] for d in due if d not in stored]):
            found[task.digest] = self._reused(task, part)
            # Next time it is found by its own name.
            self._put(part, task, task.route.freshness.summary_ttl)
        return found

    async def keep(self, summary: Part | None, task: Task) -> Part | None:
        """Keep *summary* for the next lookup with the input of *task*, and return it."""
        if summary is None:
            return None
        if failed(summary):
            if summary.retry >= REJECTED_RETRY:
                self._refuse(summary)
                self._put(summary, task, summary.retry)
        elif task.route.store == "permanent":
            ttl = task.route.freshness.summary_ttl
            self._put(summary, task, ttl)
            await self._duplicates.remember(task, summary.at + ttl)
        return summary

    def settled(self) -> asyncio.Future[None]:
        """Begin to write what is due, at once; return what ends when it is written.

        It may be for others than who waits for it: who leaves takes nothing from them.
        """
        if self._due:
            return asyncio.shield(self._write_due())
        nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        nothing.set_result(None)
        return nothing

    async def close(self) -> None:
        """Write what is due and finish what is being written."""
        await self.settled()
        await asyncio.gather(*self._later)

    def _write_due(self) -> asyncio.Task[None]:
        due, self._due = self._due, []
        task = asyncio.create_task(self._write(due), name="summaries")
        self._later.add(task)
        task.add_done_callback(self._later.discard)
        return task

    async def _write(self, due: Sequence[tuple[Part, float]]) -> None:
        try:
            await self._store.put_many(due)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "put", str(error)))
        finally:
            for part, _ in due:
                if self._unwritten.get(part.digest) is part:
                    del self._unwritten[part.digest]

    def _refuse(self, summary: Part) -> None:
        self._refused[summary.digest] = summary
        if len(self._refused) > _REFUSALS_KEPT:
            self._refused.popitem(last=False)

    def _put(self, summary: Part, task: Task, ttl: float) -> None:
        if task.route.store != "permanent":
            return
        if not self._due:
            asyncio.get_running_loop().call_later(SOON, self._settle_later)
        self._due.append((summary, summary.at + ttl))
        self._unwritten[summary.digest] = summary

    def _stands(self, part: Part) -> bool:
        """Return whether *part* is a summary, or a refusal that is not to be tried again yet."""
        return not failed(part) or self._clock() - part.at < part.retry

    def _settle_later(self) -> None:
        if self._due:
            self._write_due()

    async def _shared(self, tasks: Sequence[Task]) -> list[tuple[Task, Part]]:
        """Return the summaries that nearly the same inputs have, each under its task's name."""
        alike = await asyncio.gather(*(self._duplicates.like(task) for task in tasks))
        wanted = {task.digest: (task, other) for task, other in zip(tasks, alike, strict=True)}
        stored = await self._stored(list({other for other in alike if other is not None}))
        return [
            (task, msgspec.structs.replace(stored[other], digest=task.digest))
            for task, other in wanted.values()
            if other in stored and not failed(stored[other])
        ]

    def _reused(self, task: Task, part: Part) -> Part:
        lookup, paid = task.lookup, priced(part.bill)
        self._events.emit(SummaryReused(lookup.source, lookup.key, *paid, tenant=lookup.asker))
        return part

    async def _stored(self, digests: Sequence[str]) -> dict[str, Part]:
        new = {digest: self._unwritten[digest] for digest in digests if digest in self._unwritten}
        rest = [digest for digest in digests if digest not in new]
        if not rest:
            return new
        try:
            found = await self._store.find(rest)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "get", str(error)))
            return new
        return new | {digest: part for digest, part in found.items() if self._stands(part)}
