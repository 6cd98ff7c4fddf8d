"""Histograms by label, in plain numbers: counting costs a bisection and an addition."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

LATENCIES = (
    *(0.00001, 0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
"""Seconds, from a hit in memory to the longest wait of a caller."""
AGES = (1.0, 10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0, 604_800.0, 2_592_000.0)
"""Seconds, from a moment to thirty days."""
FEW = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
"""Things that there should not be many of."""

Labels = tuple[str, ...]


class Histogram:
    """Numbers, counted in buckets with the upper *bounds*."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float, count: int = 1) -> None:
        """Count *value*, *count* times."""
        self.counts[bisect_left(self.bounds, value)] += count
        self.sum += value * count

    def cumulated(self) -> list[tuple[str, float]]:
        """Return each bound, and how many numbers did not exceed it; ``+Inf`` is the last."""
        total, found = 0, []
        for bound, number in zip((*self.bounds, float("inf")), self.counts, strict=True):
            total += number
            found.append(("+Inf" if bound == float("inf") else f"{bound:.10g}", float(total)))
        return found


class Histograms:
    """One histogram for each combination of labels."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._known: dict[Labels, Histogram] = {}

    def add(self, labels: Labels, value: float, count: int = 1) -> None:
        """Count *value* under *labels*, *count* times."""
        histogram = self._known.get(labels)
        if histogram is None:
            histogram = self._known[labels] = Histogram(self._bounds)
        # As `Histogram.add` does: this is called several times for each answer.
        histogram.counts[bisect_left(self._bounds, value)] += count
        histogram.sum += value * count

    def __iter__(self) -> Iterator[tuple[Labels, Histogram]]:
        return iter([*self._known.items()])
