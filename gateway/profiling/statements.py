"""How long statements take: all of them in histograms, the slow ones with their text and plan."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from gateway.metrics.histograms import LATENCIES, Histograms, Labels
from storage.tier import TierError

MOST = 50
"""So many slow statements are told apart; the quickest of them makes room."""
LONGEST = 2000
"""Characters of a text."""
PATIENCE = 1.0
"""Seconds for a plan."""
_OPERATIONS = frozenset(
    {"select", "insert", "update", "delete", "with", "begin", "commit", "rollback", "pragma"}
)
_PLACES = re.compile(r"\?(?:\s*,\s*\?)+")
_ROWS = re.compile(r"(\(\?[^()]*\))(?:\s*,\s*\(\?[^()]*\))+")


class Tally:
    """Counts the questions to the database of one request, and of the flight that it begins."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


TALLY: ContextVar[Tally | None] = ContextVar("tally", default=None)
"""Of the request that is being answered."""


class Explains(Protocol):
    """A database that can say how it does a statement."""

    async def explain(self, statement: str) -> str:
        """Return the plan; raise `TierError`."""


@dataclass(slots=True)
class SlowStatement:
    """A statement that took too long, at least once."""

    text: str
    """With ``?`` for its values; lists of them are shortened."""
    original: str
    """As it was sent the last time, for its plan."""
    count: int = 0
    total: float = 0.0
    slowest: float = 0.0
    """Seconds."""
    last: float = 0.0
    """Unix seconds."""
    plan: str | None = None
    """None: nobody has asked yet."""


class Statements:
    """Is told of every statement (`storage.observation.Observer`), from any thread."""

    def __init__(self, slow: float, clock: Callable[[], float] = time.time) -> None:
        self.statements = Histograms(LATENCIES)
        self.waits = Histograms(LATENCIES)
        self.trips = Histograms(LATENCIES)
        self._slow = slow
        self._clock = clock
        self._kept: dict[str, SlowStatement] = {}
        self._lock = threading.Lock()

    def asked(self) -> None:
        """Count a question for the request in whose context it is asked."""
        tally = TALLY.get()
        if tally is not None:
            tally.count += 1

    def took(self, statement: str, seconds: float) -> None:
        """Count *statement*; keep it if it was slow."""
        labels = _labels(statement)
        with self._lock:
            self.statements.add(labels, seconds)
            if seconds > self._slow:
                self._keep(statement, seconds)

    def waited(self, seconds: float) -> None:
        """Count a wait for a connection."""
        self.waits.add((), seconds)

    def tripped(self, seconds: float) -> None:
        """Count a round trip to Redis."""
        self.trips.add((), seconds)

    def slow(self) -> list[SlowStatement]:
        """Return the slow ones, the slowest first."""
        with self._lock:
            return sorted(self._kept.values(), key=lambda each: -each.slowest)

    async def explained(self, database: Explains) -> list[SlowStatement]:
        """Return the slow ones with the plans that *database* has for them now."""
        found = self.slow()
        # COMMIT and PRAGMA have none: that is known after one try.
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                for each in found:
                    if each.plan is None:
                        each.plan = await _plan(database, each.original)
        return found

    def _keep(self, statement: str, seconds: float) -> None:
        text = shortened(statement)
        kept = self._kept.get(text)
        if kept is None:
            if len(self._kept) >= MOST:
                least = min(self._kept.values(), key=lambda each: each.slowest)
                if least.slowest >= seconds:
                    return
                del self._kept[least.text]
            kept = self._kept[text] = SlowStatement(text, statement)
        kept.count += 1
        kept.total += seconds
        kept.slowest = max(kept.slowest, seconds)
        kept.last = self._clock()


@lru_cache(maxsize=512)
def _labels(statement: str) -> Labels:
    word = statement.lstrip()[:8].partition(" ")[0].lower()
    return (word if word in _OPERATIONS else "other",)


async def _plan(database: Explains, statement: str) -> str:
    try:
        return await database.explain(statement)
    except TierError:
        return ""


def shortened(statement: str) -> str:
    """Return *statement* on one line, the same for any number of values in its lists."""
    line = " ".join(statement.split())[: LONGEST * 4]
    return _ROWS.sub(r"\1, …", _PLACES.sub("?, …", line))[:LONGEST]
