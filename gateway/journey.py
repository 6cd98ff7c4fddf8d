"""A lookup's way: which tiers were asked, the upstream and the summary, each with its time.

Events are told in the context of the request that they belong to (`gateway.tracing`): whoever has
begun a journey there finds their steps on it. Where nobody has, nothing is noted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.events import Event, Fetched, FetchFailed, Summarized, SummaryFailed, TierRead

MOST = 24
"""Steps of one journey that are noted; what comes after these is no news."""
_Told = tuple[str, str, float]


class Step(NamedTuple):
    """One part of the way."""

    name: str
    """A tier's, ``upstream`` or ``summary``."""
    note: str
    """What came of it, in a word."""
    start: float
    """Seconds after the journey began."""
    seconds: float


class Journey:
    """The steps so far; *clock* is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began = clock()
        self.steps: list[Step] = []

    def note(self, name: str, note: str, seconds: float) -> None:
        """Note a step that has just ended, and took *seconds*."""
        if len(self.steps) < MOST:
            start = self._clock() - self._began - seconds
            self.steps.append(Step(name, note, max(0.0, start), seconds))


_CURRENT: ContextVar[Journey | None] = ContextVar("journey", default=None)


def begin_journey() -> Journey:
    """Note what happens in this context from now on, and in what is started from it."""
    begun = Journey()
    _CURRENT.set(begun)
    return begun


@contextmanager
def journey() -> Iterator[Journey]:
    """Note what happens in this context, and in what is started from it, while the body runs."""
    begun = Journey()
    token = _CURRENT.set(begun)
    try:
        yield begun
    finally:
        _CURRENT.reset(token)


def follow(event: Event) -> None:
    """Note *event* where somebody has begun a journey; a listener."""
    current = _CURRENT.get()
    told = None if current is None else STEPS.get(type(event))
    if current is not None and told is not None:
        current.note(*told(event))


def _read(event: TierRead) -> _Told:
    return event.tier, "hit" if event.hit else "miss", event.seconds


def _fetch_failed(event: FetchFailed) -> _Told:
    return "upstream", event.kind, event.seconds


def _written(event: Summarized) -> _Told:
    return "summary", event.by, event.seconds


def _not_written(event: SummaryFailed) -> _Told:
    return "summary", event.reason, event.seconds


STEPS: Mapping[type[Event], Callable[[Any], _Told]] = MappingProxyType(
    {
        TierRead: _read,
        Fetched: lambda event: ("upstream", event.source, event.seconds),
        FetchFailed: _fetch_failed,
        Summarized: _written,
        SummaryFailed: _not_written,
    }
)
