"""Summaries that were paid for and left memory before anybody was given them.

Only those of sources whose terms allow answers to be kept in memory alone: any other stands in the
database, where it is found again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from gateway.beside import beside, every
from gateway.events import Event, Events, Served, Stored, Summarized, SummaryUnread

SWEEP_EVERY = 5.0
"""Seconds between two looks at memory. Hits are told within a second: one is never overlooked."""
_MOST = 10_000
"""Lookups whose summary is written and not kept yet; those that never are, are forgotten."""


class Unread:
    """Tells of the summaries of *sources* that go unread; *kept* says whether memory has a key."""

    kinds = (Served, Stored, Summarized)
    """The kinds of events that it listens to."""

    def __init__(
        self, sources: Collection[str], kept: Callable[[str], bool], events: Events
    ) -> None:
        self._sources = frozenset(sources)
        self._kept = kept
        self._events = events
        self._written: defaultdict[str, list[Summarized]] = defaultdict(list)
        """By the lookups for which they were, until their answer is kept."""
        self._waiting: dict[str, list[Summarized]] = {}
        """Those in memory that nobody has been given yet."""
        self._gone: frozenset[str] = frozenset()
        """Of these, what was not there at the last look; a hit may not have been told yet."""

    def __call__(self, event: Event) -> None:
        """Note what *event* says of a summary."""
        if isinstance(event, Served):
            if self._waiting or self._written:
                self._waiting.pop(event.key, None)
                self._written.pop(event.key, None)
        elif isinstance(event, Summarized):
            if event.model and event.source in self._sources:
                self._written[event.key].append(event)
                if len(self._written) > _MOST:
                    del self._written[next(iter(self._written))]
        elif isinstance(event, Stored) and event.key in self._written:
            self._waiting[event.key] = self._written.pop(event.key)

    def sweep(self) -> None:
        """Tell of what was not in memory at this look and the last."""
        gone = frozenset(key for key in self._waiting if not self._kept(key))
        for key in gone & self._gone:
            for paid in self._waiting.pop(key):
                self._events.emit(
                    SummaryUnread(paid.source, key, paid.model, paid.usd, paid.tenant)
                )
        self._gone = gone

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sweep every `SWEEP_EVERY` seconds within the context."""

        async def sweep() -> None:
            self.sweep()

        async with beside(unread=every(SWEEP_EVERY, sweep)):
            yield
