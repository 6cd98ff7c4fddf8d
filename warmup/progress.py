"""How far a run is: a bar at a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TextIO

from gateway.lookup import Lookup
from gateway.warming import Warmed
from gateway.warming.costs import Costs

WIDTH = 24
EVERY = 10.0
"""Seconds between two plain lines."""
REDRAWN = 0.1
"""Seconds between two states of a bar."""
_LATEST = 50
"""The rate is that of so many lookups."""


class Progress:
    """Shows, at each lookup that ends, the rate, the costs and the time that is left."""

    def __init__(
        self,
        due: Sequence[Lookup],
        costs: Costs,
        *,
        to: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._left = {lookup.key: lookup for lookup in due}
        self._total = len(due)
        self._costs = costs
        self._to = sys.stderr if to is None else to
        self._bar = self._to.isatty()
        self._clock = clock
        self._ends = deque([clock()], maxlen=_LATEST)
        self._told = clock() if not self._bar else clock() - REDRAWN

    def tell(self, warmed: Warmed) -> None:
        """Show how far the run is."""
        self._left.pop(warmed.lookup.key, None)
        now = self._clock()
        self._ends.append(now)
        if self._left and now - self._told < (REDRAWN if self._bar else EVERY):
            return
        self._told = now
        if self._bar:
            self._to.write(f"\r\033[K{self._drawn()} {self._line()}" + "\n" * (not self._left))
        else:
            self._to.write(f"{self._line()}\n")
        self._to.flush()

    def say(self, text: str) -> None:
        """Say something in between."""
        self._to.write(("\r\033[K" if self._bar else "") + f"{text}\n")
        self._to.flush()

    def _drawn(self) -> str:
        full = WIDTH * self._done // max(self._total, 1)
        return f"[{'#' * full}{'.' * (WIDTH - full)}]"

    def _line(self) -> str:
        seconds = self._ends[-1] - self._ends[0]
        rate = (len(self._ends) - 1) / seconds if seconds > 0 else 0.0
        left = _span(len(self._left) / rate) if rate else "?"
        coming = self._costs.of(self._left.values())
        return (
            f"{self._done}/{self._total}  {rate:.1f}/s  {self._costs.spent} so far, "
            f"{coming} to come  {left} left"
        )

    @property
    def _done(self) -> int:
        return self._total - len(self._left)


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
