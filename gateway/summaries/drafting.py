"""One summary from one brief: drafted, checked, drafted again, or stood in for."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from adapters.errors import SummaryError
from adapters.source import Priority
from adapters.summarizers.base import Brief, Draft, Summarizer
from gateway.answer import encode_summary
from gateway.events import Events, Summarized, SummaryFailed
from gateway.freshness import REJECTED_RETRY, SUMMARY_RETRY
from gateway.lookup import Lookup
from gateway.route import Route
from gateway.spend.prices import priced
from gateway.spend.till import Till
from gateway.streaming import Script, Telling
from storage.entry import Part

NO_SUMMARY = b"null"
TRIES = 2
_TOLD = frozenset({"truncated", "malformed"})
"""Faults of an answer that was paid for: a model can be told of them, and try again."""
_SHARED = _TOLD | {"refused", "rejected", "too_long"}
"""Faults of a call for several records that a call for one of them may not have."""
_FINAL = frozenset({"rejected", "truncated", "refused", "too_long"})
"""Reasons that lie in the input: while it is the same, another try would be paid in vain."""

First = Callable[[], Awaitable[Draft]]


@dataclass(frozen=True, slots=True)
class Task:
    """One summary that is to be had: for whom, from what, and under which name it is kept."""

    lookup: Lookup
    route: Route
    summarizer: Summarizer
    brief: Brief
    digest: str
    script: Script = field(default_factory=Script)
    """Who listens while it is written."""


class Drafting:
    """Has summaries written; *extractive* stands in for what the gate refused."""

    def __init__(
        self, *, extractive: Summarizer, till: Till, events: Events, clock: Callable[[], float]
    ) -> None:
        self.till = till
        self._extractive = extractive
        self._events = events
        self._clock = clock

    async def write(self, task: Task, first: First | None = None) -> Part | None:
        """Return the summary of *task*; one that could not be had is a part that failed.

        *first* gives the draft that a call for several records made of it. None: the budget had
        no room for who asked.
        """
        started, lookup = time.perf_counter(), task.lookup
        streamed = task.script.wanted
        try:
            draft = await self._passing(task, first, streamed=streamed)
        except SummaryError as error:
            seconds = time.perf_counter() - started
            self._events.emit(
                SummaryFailed(lookup.source, lookup.key, error.reason, error.message, seconds)
            )
            return await self._without(task, error, seconds, streamed=streamed)
        seconds, now = time.perf_counter() - started, self._clock()
        usage, bill = draft.usage, self.till.bill(draft)
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
                tenant=lookup.asker,
            )
        )
        body = encode_summary(draft, now, grounded=True)
        return Part(body, now, seconds, task.digest, bill=bill)

    async def _passing(self, task: Task, first: First | None, *, streamed: bool) -> Draft:
        """Return a draft that the gate lets through; the second try is told what was wrong.

        Only the first try is *streamed*: whoever listened has its text replaced in the end.
        Raise `SummaryError` when that is refused too. What was refused is kept nowhere.
        """
        reasons: tuple[str, ...] = ()
        fault = SummaryError("rejected", "")
        told_of = _TOLD if first is None else _SHARED
        summarizer = Telling(task.summarizer, task.script) if streamed else task.summarizer
        for _ in range(TRIES):
            told = replace(task.brief, rejected=reasons)
            try:
                if first is None:
                    draft = await self.till.draft(task.lookup, summarizer, told)
                else:
                    draft, first = await first(), None
            except SummaryError as error:
                if error.reason not in told_of:
                    raise
                fault, reasons, told_of, first = error, (error.reason,), _TOLD, None
            else:
                reasons = task.route.gate.check_summary(draft, told)
                if not reasons:
                    return draft
                self.till.wasted(task.lookup, self.till.bill(draft), "rejected")
                fault = SummaryError("rejected", "; ".join(reasons))
            task.script.withdraw()
            summarizer = task.summarizer
        raise fault

    async def _without(
        self, task: Task, error: SummaryError, seconds: float, *, streamed: bool
    ) -> Part | None:
        """Return what stands in the place of a summary that could not be had."""
        if streamed and error.reason != "rejected":
            # Who has read half of it is told why there is no more.
            task.script.withdraw(error)
        if error.reason in _FINAL:
            return await self._stand_in(task, REJECTED_RETRY)
        if error.reason == "budget" and task.brief.priority is not Priority.CALLER:
            return None
        if streamed:
            return await self._stand_in(task, SUMMARY_RETRY)
        return Part(NO_SUMMARY, self._clock(), seconds, task.digest, SUMMARY_RETRY)

    async def _stand_in(self, task: Task, retry: float) -> Part:
        """Return the records' own sentences in place of what was refused, marked as such."""
        draft, now = await self._extractive.summarize(task.brief), self._clock()
        body = encode_summary(draft, now, grounded=True) if draft.text else NO_SUMMARY
        return Part(body, now, 0.0, task.digest, retry)
