"""By how much the event loop is late: what asks for a moment gets it later than it asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.metrics.histograms import LATENCIES, Histograms

EVERY = 0.25
"""Seconds between two looks."""


class LoopLag:
    """Looks at the loop's clock within `measured`."""

    def __init__(self) -> None:
        self.last = 0.0
        """Seconds, at the last look."""
        self.seen = Histograms(LATENCIES)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Look every `EVERY` seconds within the context."""
        loop = asyncio.get_running_loop()
        handle: asyncio.TimerHandle

        def look(due: float) -> None:
            nonlocal handle
            self.last = max(0.0, loop.time() - due)
            self.seen.add((), self.last)
            handle = loop.call_later(EVERY, look, loop.time() + EVERY)

        handle = loop.call_later(EVERY, look, loop.time() + EVERY)
        try:
            yield
        finally:
            handle.cancel()
