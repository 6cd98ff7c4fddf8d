"""What a warm-up costs: what it has spent so far, and what the rest may come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.events import Embedded, Event, Fetched, Summarized, SummaryWasted
from gateway.lookup import Lookup
from gateway.route import Route
from gateway.spend.opening import Money
from gateway.spend.prices import NANOS, model_of, nanos_of


@dataclass(frozen=True, slots=True)
class Price:
    """Of several lookups, in billionths of a dollar."""

    nanos: int
    unknown: int = 0
    """Summaries among them whose price nobody knows."""

    @property
    def usd(self) -> float:
        """The known part of it."""
        return self.nanos / NANOS

    def __str__(self) -> str:
        """As people read it."""
        known = f"${self.usd:,.2f}" if self.usd >= 0.1 or not self.nanos else f"${self.usd:.4f}"
        return known + (f" and {self.unknown} summaries at an unknown price" * bool(self.unknown))


class Costs:
    """Listens to what a run spends, and says what its lookups may cost.

    A summary is taken to cost what those of its source did in this run, else today, else what is
    typical for its model.
    """

    def __init__(self, routes: Mapping[str, Route], money: Money) -> None:
        self._routes = routes
        self._money = money
        self.calls = 0
        """To upstreams."""
        self._spent = 0
        self._unknown = 0
        self._paid: Counter[str] = Counter()
        """For summaries, by source, and how many they were."""
        self._written: Counter[str] = Counter()
        self._today = self._of_today()

    def __call__(self, event: Event) -> None:
        """Count what *event* has cost."""
        if isinstance(event, Fetched):
            self.calls += 1
            self._spent += self._money.ledger.call_price(event.source)
        elif isinstance(event, Summarized | SummaryWasted | Embedded) and event.model:
            nanos = nanos_of(event.usd)
            self._unknown += nanos is None
            self._spent += nanos or 0
            self._paid[event.source] += nanos or 0
            self._written[event.source] += isinstance(event, Summarized)

    @property
    def spent(self) -> Price:
        """What the run has cost so far."""
        return Price(self._spent, self._unknown)

    def of(self, lookups: Iterable[Lookup]) -> Price:
        """Return what loading *lookups* may cost."""
        nanos, unknown = 0, 0
        for source, count in Counter(lookup.source for lookup in lookups).items():
            summary = self._summary(source)
            unknown += count * (summary is None)
            nanos += count * (self._money.ledger.call_price(source) + (summary or 0))
        return Price(nanos, unknown)

    def _summary(self, source: str) -> int | None:
        summarizer = self._routes[source].summarizer
        if summarizer is None or not model_of(summarizer.name):
            return 0
        if self._written[source]:
            return self._paid[source] // self._written[source]
        if source in self._today:
            return self._today[source]
        return self._money.till.typical(summarizer.name)

    def _of_today(self) -> dict[str, int]:
        """Return what a summary of each source has cost today."""
        spent, calls = Counter[str](), Counter[str]()
        for account, amounts in self._money.ledger.accounts().items():
            if account.model:
                spent[account.source] += amounts.spent
                if account.model != self._money.embedder:
                    calls[account.source] += amounts.calls - amounts.unknown
        return {source: spent[source] // count for source, count in calls.items() if count}
