"""What events tell, counted: a listener of plain numbers, which a scrape reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from gateway.events import (
    Audited,
    BudgetExhausted,
    ByKind,
    CircuitChanged,
    Embedded,
    Event,
    Failed,
    Fetched,
    FetchFailed,
    Invalidated,
    Responded,
    Served,
    Stored,
    Summarized,
    SummaryFailed,
    SummaryReused,
    SummaryUnread,
    SummaryWasted,
    TierFailed,
    TierLost,
    TierRead,
    TierReturned,
)
from gateway.lookup import tenant_of
from gateway.metrics.histograms import AGES, FEW, LATENCIES, Histograms, Labels
from gateway.metrics.money import MoneyCounts
from gateway.metrics.names import Names, Words


class Counts(ByKind):
    """Counts; every attribute is by the labels of its metric (`gateway.metrics.families`)."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._reasons, self._kinds = Words(), Words()
        self.money = MoneyCounts(names)
        self.responses: Counter[Labels] = Counter()
        self.response_seconds = Histograms(LATENCIES)
        self.queries = Histograms(FEW)
        self.answers: Counter[Labels] = Counter()
        self.answer_seconds = Histograms(LATENCIES)
        self.ages = Histograms(AGES)
        self.failures: Counter[Labels] = Counter()
        self.reads: Counter[Labels] = Counter()
        self.read_seconds = Histograms(LATENCIES)
        self.tier_failures: Counter[Labels] = Counter()
        self.lost: set[str] = set()
        """Tiers that are away."""
        self.calls: Counter[Labels] = Counter()
        self.call_seconds = Histograms(LATENCIES)
        self.summaries: Counter[Labels] = Counter()
        self.summary_seconds = Histograms(LATENCIES)
        self.stored: Counter[Labels] = Counter()
        self.invalidated: Counter[Labels] = Counter()
        self.circuits: Counter[Labels] = Counter()
        self.exhausted: Counter[Labels] = Counter()
        self.audited: Counter[Labels] = Counter()
        super().__init__(self._by_kind())

    def _by_kind(self) -> Mapping[type[Event], Callable[[Any], None]]:
        return {
            Responded: self._responded,
            Served: self._served,
            TierRead: self._read,
            Failed: self._failed,
            Fetched: self._fetched,
            FetchFailed: self._fetch_failed,
            Summarized: self._summarized,
            SummaryFailed: self._summary_failed,
            SummaryReused: self._summary_reused,
            SummaryWasted: self._summary_wasted,
            Embedded: self.money.embedded,
            SummaryUnread: self.money.unread,
            Stored: self._stored,
            TierFailed: self._tier_failed,
            TierLost: lambda event: self.lost.add(event.tier),
            TierReturned: lambda event: self.lost.discard(event.tier),
            Invalidated: self._invalidated,
            CircuitChanged: self._circuit_changed,
            BudgetExhausted: self._budget_exhausted,
            Audited: self._audited,
        }

    def _responded(self, event: Responded) -> None:
        self.responses[event.route, event.method, str(event.status), event.tier] += event.count
        self.response_seconds.add((event.route, event.tier), event.seconds, event.count)
        self.queries.add((event.route,), event.queries, event.count)

    def _served(self, event: Served) -> None:
        source, outcome, count = self._names.source(event.source), event.outcome, event.count
        self.answers[source, outcome, event.tier] += count
        self.answer_seconds.add((outcome, event.tier), event.seconds, count)
        self.ages.add((source,), event.age, count)
        self.money.served(event, event.tenant or tenant_of(event.key))

    def _read(self, event: TierRead) -> None:
        self.reads[event.tier, "hit" if event.hit else "miss"] += event.count
        self.read_seconds.add((event.tier,), event.seconds, event.count)

    def _failed(self, event: Failed) -> None:
        self.failures[self._names.source(event.source), self._kinds(event.kind)] += 1

    def _fetched(self, event: Fetched) -> None:
        source = self._names.source(event.source)
        self.calls[source, "ok"] += 1
        self.call_seconds.add((source,), event.seconds)

    def _fetch_failed(self, event: FetchFailed) -> None:
        source = self._names.source(event.source)
        self.calls[source, self._kinds(event.kind)] += 1
        self.call_seconds.add((source,), event.seconds)

    def _summarized(self, event: Summarized) -> None:
        writer = self._names.model(event.model) if event.model else "extractive"
        self.summaries[self._names.source(event.source), "written", ""] += 1
        self.summary_seconds.add((writer,), event.seconds)
        self.money.called(event)

    def _summary_failed(self, event: SummaryFailed) -> None:
        source = self._names.source(event.source)
        self.summaries[source, "failed", self._reasons(event.reason)] += 1

    def _summary_reused(self, event: SummaryReused) -> None:
        self.summaries[self._names.source(event.source), "reused", ""] += 1
        self.money.reused(event)

    def _summary_wasted(self, event: SummaryWasted) -> None:
        source = self._names.source(event.source)
        self.summaries[source, "wasted", self._reasons(event.reason)] += 1
        self.money.called(event)

    def _stored(self, event: Stored) -> None:
        self.stored[self._names.source(event.source), str(event.changed).lower()] += 1

    def _tier_failed(self, event: TierFailed) -> None:
        self.tier_failures[event.tier, event.operation] += 1

    def _invalidated(self, event: Invalidated) -> None:
        self.invalidated[(event.scope,)] += 1

    def _circuit_changed(self, event: CircuitChanged) -> None:
        self.circuits[event.upstream, event.after] += 1

    def _budget_exhausted(self, event: BudgetExhausted) -> None:
        self.exhausted[event.scope, event.priority] += 1

    def _audited(self, event: Audited) -> None:
        self.audited[(self._kinds(event.action),)] += 1
