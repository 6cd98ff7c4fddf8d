"""How often bulk work begins something in a process that also answers callers.

Lookups that are begun together come back together, and whoever asks then waits until the loop has
seen to them all. So they begin one by one, and only after the loop has been idle for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

SHARE = 0.5
"""Of the loop's time that may be busy, with whatever it is, when bulk work goes on."""
LONGEST = 0.1
"""Seconds: however busy callers keep the loop, bulk work goes on so often."""


def wait_for(busy: float, passed: float) -> float:
    """Return for how many seconds the next lookup waits; none is left where it is not positive.

    Since the last one the loop was *busy* for so many of the *passed* seconds.
    """
    return min(busy / SHARE, LONGEST) - passed


class Pace(Protocol):
    """Whose turn it is to begin."""

    async def turn(self) -> None:
        """Return when another lookup may begin."""


class Unpaced:
    """In a process without callers everything begins at once."""

    async def turn(self) -> None:
        """Return."""


class Paced:
    """One lookup after the other; *busy* gives the seconds for which the loop's thread has run."""

    def __init__(self, busy: Callable[[], float] = time.thread_time) -> None:
        self._busy = busy
        self._one = asyncio.Lock()
        self._at = 0.0
        self._was_busy = 0.0

    async def turn(self) -> None:
        """Return when another lookup may begin."""
        clock = asyncio.get_running_loop().time
        async with self._one:
            while True:
                wait = wait_for(self._busy() - self._was_busy, clock() - self._at)
                if wait <= 0:
                    break
                await asyncio.sleep(wait)
            self._at, self._was_busy = clock(), self._busy()
