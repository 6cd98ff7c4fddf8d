"""Python's garbage collector, told what a server is.

What it begins with stays, and a request leaves no cycles. Who goes through the young objects while
two thousand misses are in the air finds no garbage, and takes a seventh of all that they cost: so
they are gone through in between.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import NoReturn

from gateway.beside import every

THRESHOLDS = (500_000, 4, 100)
"""Objects that are made and not freed until the young are gone through wherever that may be, and
so on (`gc`): where no moment was quiet enough."""
EVERY = 0.5
"""Seconds between two looks."""
WORTH = 5_000
"""So many young ones are worth a look."""
FEW = 50_000
"""So many are gone through in 10 to 30 ms."""
PATIENCE = 15.0
"""Seconds for which there may be more, all in the air, before they are gone through."""


class Collector:
    """Goes through the young when they are few; *clock* is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    async def running(self) -> NoReturn:
        """Look again and again."""
        await every(EVERY, self.look)

    async def look(self) -> None:
        """Go through the young if that is due, and now and then through those that were.

        Python goes through the old only when it finds the young too many, which looks prevent: what
        was in use for a while and is left over as a cycle would stay for ever.
        """
        young, middle, old = gc.get_count()
        if self.due(young):
            _, often, seldom = THRESHOLDS
            gc.collect(0 if middle < often else 1 if old < seldom else 2)
            self._last = self._clock()

    def due(self, young: int) -> bool:
        """Say whether so many *young* objects are gone through now."""
        if young < WORTH:
            self._last = self._clock()
            return False
        return young <= FEW or self._clock() - self._last >= PATIENCE


def settle() -> None:
    """Take what is there now out of every collection to come; call it once, when all is open."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
