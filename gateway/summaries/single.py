"""Summaries of single records: found by the record's own digest, or written, several in a call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from adapters.errors import SummaryError
from adapters.summarizers.base import Draft
from gateway.flights import Flights
from gateway.freshness import failed
from gateway.items import MARK, apart, chunks, read_items, together, with_summaries
from gateway.spend.prices import model_of, total
from gateway.summaries.drafting import NO_SUMMARY, Drafting, First, Task
from gateway.summaries.kept import KeptSummaries
from storage.entry import Entry, Part


class ItemSummaries:
    """Gives each record of an entry its summary, whichever query found it first."""

    def __init__(
        self,
        *,
        kept: KeptSummaries,
        writings: Flights[Part | None],
        drafting: Drafting,
        clock: Callable[[], float],
    ) -> None:
        self._kept = kept
        self._writings = writings
        self._drafting = drafting
        self._clock = clock

    async def write(self, entry: Entry, tasks: Sequence[Task], digest: str) -> Entry:
        """Return *entry* with a summary in each item; *tasks* are its items', in their order.

        *digest* names what all of them are made from. Those that stand in it already stay.
        """
        before = entry.summary
        tried = before is not None and before.digest == f"{MARK}{digest}"
        present = [item.summary if tried else None for item in read_items(entry.records.body)]
        missing = [task for task, there in zip(tasks, present, strict=True) if there is None]
        parts = await self._parts(missing)
        bodies = [
            _body(parts[task.digest]) if there is None else there
            for task, there in zip(tasks, present, strict=True)
        ]
        had = [part for part in parts.values() if part is not None]
        summary = None  # while the budget had no room for one: whoever asks next may have it
        if len(had) == len(parts):
            bills = [part.bill for part in (*had, before if tried else None) if part is not None]
            summary = Part(
                NO_SUMMARY,
                self._clock(),
                sum(part.cost for part in had),
                f"{MARK}{digest}",
                min((part.retry for part in had if failed(part)), default=0.0),
                bill=total(bills),
            )
        records = with_summaries(entry.records, bodies)
        return msgspec.structs.replace(entry, records=records, summary=summary)

    async def _parts(self, tasks: Sequence[Task]) -> dict[str, Part | None]:
        """Return the summaries of *tasks* by their digests."""
        unique = {task.digest: task for task in tasks}
        parts: dict[str, Part | None] = dict(await self._kept.find(list(unique.values())))
        due = [task for digest, task in unique.items() if digest not in parts]
        # Between the look and the joins nothing is awaited; a flight that was started apart could
        # land before it is joined, and would be paid for twice.
        mine = [task for task in due if not self._writings.flying(task.digest)]
        works = {task.digest: self._work(task, None) for task in due}
        for group in self._groups(mine):
            call = _Call(self._drafting, group)
            for index, task in enumerate(group):
                works[task.digest] = self._work(task, call.of(index))
        landed = await asyncio.gather(
            *(self._writings.join(task.digest, works[task.digest]) for task in due)
        )
        for task, land in zip(due, landed, strict=True):
            parts[task.digest] = land.value
        return parts

    def _work(self, task: Task, first: First | None) -> Callable[[], Awaitable[Part | None]]:
        async def work() -> Part | None:
            return await self._kept.keep(await self._drafting.write(task, first), task)

        return work

    def _groups(self, tasks: Sequence[Task]) -> list[list[Task]]:
        """Return the tasks of each call; those of a summarizer that is free are none."""
        if not tasks or tasks[0].route.per_call < 2 or not model_of(tasks[0].summarizer.name):
            return []
        whose = {id(task.brief): task for task in tasks}
        grouped = chunks([task.brief for task in tasks], tasks[0].route.per_call)
        return [[whose[id(brief)] for brief in group] for group in grouped if len(group) > 1]


class _Call:
    """One call for several items, made by the first flight that needs it."""

    def __init__(self, drafting: Drafting, tasks: Sequence[Task]) -> None:
        self._drafting = drafting
        self._tasks = tasks
        self._made: asyncio.Future[list[Draft] | SummaryError] | None = None

    def of(self, index: int) -> First:
        """Return what gives the draft of one of the items."""

        async def first() -> Draft:
            made = await self._drafts()
            if isinstance(made, SummaryError):
                # What it cost was told once, where it was made.
                raise SummaryError(made.reason, made.message, retry_after=made.retry_after)
            return made[index]

        return first

    async def _drafts(self) -> list[Draft] | SummaryError:
        if self._made is not None:
            return await asyncio.shield(self._made)
        self._made = asyncio.get_running_loop().create_future()
        made: list[Draft] | SummaryError = SummaryError("unavailable", "The call was ended")
        try:
            made = await self._ask()
        except SummaryError as error:
            made = error
        finally:
            self._made.set_result(made)
        return made

    async def _ask(self) -> list[Draft]:
        first = self._tasks[0]
        briefs = [task.brief for task in self._tasks]
        draft = await self._drafting.till.draft(first.lookup, first.summarizer, together(briefs))
        return apart(draft, briefs)


def _body(part: Part | None) -> bytes | None:
    return None if part is None or part.body == NO_SUMMARY else part.body
