"""Summaries that were written before, by the digest of their input; and those that were refused."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from gateway.drafting import Task
from gateway.events import Events, SummaryReused, TierFailed
from gateway.freshness import REJECTED_RETRY, failed
from gateway.route import Route
from gateway.spend.prices import priced
from storage.entry import Part
from storage.summaries import SummaryStore
from storage.tier import TierError

_REFUSALS_KEPT = 2000


class KeptSummaries:
    """Finds summaries in *store*, and puts them there, where their source's terms allow it.

    A refusal is remembered by this process alone, with what stands in for it: the same records
    found by another query are no reason to pay for the same fault again.
    """

    def __init__(self, store: SummaryStore, events: Events, clock: Callable[[], float]) -> None:
        self._store = store
        self._events = events
        self._clock = clock
        self._refused: OrderedDict[str, Part] = OrderedDict()

    async def find(self, tasks: Sequence[Task]) -> dict[str, Part]:
        """Return what is there of *tasks*, by digest, in one read."""
        found = {}
        for task in tasks:
            refused = self._refused.get(task.digest)
            if refused is not None and self._clock() - refused.at < refused.retry:
                found[task.digest] = refused
        due = {task.digest: task for task in tasks if task.digest not in found}
        for digest, part in (await self._stored(list(due))).items():
            lookup, paid = due[digest].lookup, priced(part.bill)
            self._events.emit(SummaryReused(lookup.source, lookup.key, part.cost, *paid))
            found[digest] = part
        return found

    async def keep(self, summary: Part | None, route: Route) -> Part | None:
        """Keep *summary* for the next lookup with its input, and return it."""
        if summary is None:
            return None
        if failed(summary):
            if summary.retry >= REJECTED_RETRY:
                self._refused[summary.digest] = summary
                if len(self._refused) > _REFUSALS_KEPT:
                    self._refused.popitem(last=False)
        elif route.store == "permanent":
            try:
                await self._store.put(summary, summary.at + route.freshness.summary_ttl)
            except TierError as error:
                self._events.emit(TierFailed("summaries", "put", str(error)))
        return summary

    async def _stored(self, digests: Sequence[str]) -> dict[str, Part]:
        if not digests:
            return {}
        try:
            return await self._store.find(digests)
        except TierError as error:
            self._events.emit(TierFailed("summaries", "get", str(error)))
            return {}
