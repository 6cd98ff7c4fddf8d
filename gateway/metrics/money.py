"""Tokens and money by source, model and class of tenant, since the process began."""

from __future__ import annotations

from collections import Counter

from gateway.events import (
    Embedded,
    Served,
    Summarized,
    SummaryReused,
    SummaryUnread,
    SummaryWasted,
)
from gateway.lookup import tenant_of
from gateway.metrics.histograms import Labels
from gateway.metrics.names import Names
from gateway.spend.prices import nanos_of

_SPARED = frozenset({"hit", "stale", "collapsed", "similar"})


class MoneyCounts:
    """Amounts are billionths of a dollar; each by source, model and class of tenant."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.tokens: Counter[Labels] = Counter()
        """Also by ``prompt``, ``cached`` or ``completion``."""
        self.calls: Counter[Labels] = Counter()
        self.unknown: Counter[Labels] = Counter()
        """Calls of which nobody knows what they cost."""
        self.spent: Counter[Labels] = Counter()
        self.saved: Counter[Labels] = Counter()
        self.wasted: Counter[Labels] = Counter()

    def served(self, event: Served, tenant: str) -> None:
        """Count what an answer for *tenant* has saved: its summary was not paid for again."""
        if event.model and event.outcome in _SPARED:
            labels = self._labels(event.source, event.model, tenant)
            self.saved[labels] += event.count * (nanos_of(event.usd) or 0)

    def reused(self, event: SummaryReused) -> None:
        """Count what was not paid for again."""
        if event.model:
            labels = self._labels(event.source, event.model, tenant_of(event.key))
            self.saved[labels] += nanos_of(event.usd) or 0

    def called(self, event: Summarized | SummaryWasted) -> None:
        """Count a call to a model."""
        if not event.model:
            return
        labels = self._labels(event.source, event.model, tenant_of(event.key))
        self.calls[labels] += 1
        self.tokens[*labels, "prompt"] += event.prompt_tokens or 0
        self.tokens[*labels, "cached"] += event.cached_tokens or 0
        self.tokens[*labels, "completion"] += event.completion_tokens or 0
        self._paid(labels, event.usd, wasted=isinstance(event, SummaryWasted))

    def embedded(self, event: Embedded) -> None:
        """Count a text that was embedded."""
        labels = self._labels(event.source, event.model, tenant_of(event.key))
        self.calls[labels] += 1
        self.tokens[*labels, "prompt"] += event.prompt_tokens or 0
        self._paid(labels, event.usd, wasted=bool(event.reason))

    def unread(self, event: SummaryUnread) -> None:
        """Count what nobody was given as wasted; it was spent when it was written."""
        labels = self._labels(event.source, event.model, tenant_of(event.key))
        self.wasted[labels] += nanos_of(event.usd) or 0

    def _paid(self, labels: Labels, usd: float | None, *, wasted: bool) -> None:
        nanos = nanos_of(usd)
        if nanos is None:
            self.unknown[labels] += 1
            return
        self.spent[labels] += nanos
        if wasted:
            self.wasted[labels] += nanos

    def _labels(self, source: str, model: str, tenant: str) -> Labels:
        names = self._names
        return names.source(source), names.model(model), names.tenant(tenant)
