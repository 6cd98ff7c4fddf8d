"""Load is shed before the process is overwhelmed: misses first, quickly, while hits go on.

There are two rooms, and who finds one full is refused at once. At the door, before a request is
even parsed, stand the lookups that nothing ready answers, until it is known what they need; behind
it the fetches. What a fetch takes beyond the time of its upstream and of its model, and all that is
done at the door, is the gateway's own: with more to do than it can, that time grows, for threads,
tiers and the event loop stand in one line. While it is longer than it should be, fewer may be
inside at once; while it is not, more may (additive increase, multiplicative decrease). An upstream
that is slow by itself changes nothing here: its own limits mind it.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from adapters.errors import Kind, UpstreamError
from adapters.sources.units import Duration, Spec, seconds
from storage.entry import Entry

INTERVAL = 0.1
"""Seconds between two changes."""
RETRY_AFTER = 1.0
REASON = "the gateway has too much to do"


@dataclass(frozen=True, slots=True)
class Pace:
    """How many may be inside at first, at least and at most, and how that changes."""

    first: float
    least: float
    most: float
    more: float


FETCHES = Pace(first=100.0, least=8.0, most=10_000.0, more=1.05)
DOOR = Pace(first=2_000.0, least=16.0, most=10_000.0, more=1.25)
"""A burst comes in: it is over before anybody has waited for too long."""
_FEWER = 0.8


class SheddingSpec(Spec, frozen=True, kw_only=True):
    """``shedding:``, when the process itself has too much to do."""

    delay: Duration = seconds(0.25)
    """How long a fetch may take beyond its upstream's time before new ones are refused; 0: none
    is ever."""


class Room:
    """Holds so many at once that none is held for longer than *delay* seconds; 0: anybody.

    Pure: *clock* is monotonic, in seconds.
    """

    def __init__(self, delay: float, pace: Pace, clock: Callable[[], float]) -> None:
        self.limit = pace.first if delay else math.inf
        """How many may be inside now."""
        self.inside = 0
        self.refused = 0
        """How many came when it was full."""
        self.clock = clock
        self.delay = delay
        self._pace = pace
        self._changed = clock()
        self._times: list[float] = []
        self._most = 0

    @property
    def full(self) -> bool:
        """Whether nobody may come in."""
        return self.inside >= self.limit

    def enter(self) -> None:
        """Count somebody who has come in."""
        self.inside += 1
        self._most = max(self._most, self.inside)

    def leave(self) -> None:
        """Count somebody who has left."""
        self.inside -= 1

    def __enter__(self) -> None:
        """Come in, and leave with the context."""
        self.enter()

    def __exit__(self, *_: object) -> None:
        self.leave()

    def took(self, held: float) -> None:
        """Take in that somebody was held for *held* seconds."""
        if not self.delay:
            return
        self._times.append(held)
        now = self.clock()
        if now - self._changed >= INTERVAL:
            self._change(now - self._changed)
            self._changed = now

    def _change(self, passed: float) -> None:
        times, self._times = self._times, []
        most, self._most = self._most, self.inside
        if statistics.median(times) > self.delay:
            fewer = self._fewer(min(self.limit, most), len(times) / passed)
            self.limit = max(self._pace.least, fewer)
        elif most > self.limit / 2:  # else nothing is known of more
            self.limit = min(self._pace.most, self.limit * self._pace.more + 1)

    def _fewer(self, most: float, rate: float) -> float:
        """Return the limit in place of *most*, who took too long; *rate* left each second."""
        del rate  # they were away for most of the time
        return most * _FEWER


class Door(Room):
    """A room that is full too while the oldest inside stands there for twice as long as it should.

    Those who came in before anybody could know that it takes long are not followed by others.
    """

    def __init__(self, delay: float, pace: Pace, clock: Callable[[], float]) -> None:
        super().__init__(delay, pace, clock)
        self._longest = 2 * delay or math.inf
        self._line: dict[Arrival, float] = {}

    @property
    def full(self) -> bool:
        """Whether nobody may come in."""
        if self.inside >= self.limit:
            return True
        first = next(iter(self._line.values()), math.inf)
        return self.clock() - first > self._longest

    def _fewer(self, most: float, rate: float) -> float:
        # Who stands in line for so long has so many before them (Little's law).
        return min(most, rate * self.delay)

    def arrive(self) -> Arrival:
        """Let somebody in."""
        arrival = Arrival(self)
        self.enter()
        self._line[arrival] = self.clock()
        return arrival

    def passed(self, arrival: Arrival) -> None:
        """Count *arrival* as gone, the first time."""
        since = self._line.pop(arrival, None)
        if since is not None:
            self.leave()
            self.took(self.clock() - since)


class Arrival:
    """One request at the door."""

    __slots__ = ("_door",)

    def __init__(self, door: Door) -> None:
        self._door = door

    def passed(self) -> None:
        """Be gone: it is answered, or known to need a fetch."""
        self._door.passed(self)


class Nobody:
    """Stands at no door."""

    def passed(self) -> None:
        """Change nothing."""


NOBODY = Nobody()
ARRIVAL: ContextVar[Arrival | Nobody] = ContextVar("ARRIVAL", default=NOBODY)
"""Of the request that is being answered."""


class Shedding:
    """The two rooms of a process; *clock* is monotonic, in seconds."""

    def __init__(
        self, spec: SheddingSpec | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        delay = float((spec or SheddingSpec()).delay)
        self.door = Door(delay, DOOR, clock)
        self.fetches = Room(delay, FETCHES, clock)
        self._elsewhere = Room(0, FETCHES, clock)
        """Has room for all whose place is another's."""

    @property
    def limit(self) -> float:
        """How many fetches may be in progress now."""
        return self.fetches.limit

    @property
    def in_progress(self) -> int:
        """Fetches that callers wait for now."""
        return self.fetches.inside

    @property
    def refused(self) -> int:
        """Lookups that were refused."""
        return self.door.refused + self.fetches.refused

    @property
    def pressed(self) -> bool:
        """Whether there is no room: what nobody waits for should not begin now."""
        return self.fetches.full or self.door.full

    def place(self, *, joins: bool) -> Room:
        """Return where to hold a place for a fetch, unless it *joins* one that is in progress.

        Raise `UpstreamError` of kind OVERLOADED at once if there is none.
        """
        ARRIVAL.get().passed()
        if joins:
            return self._elsewhere
        if self.fetches.full:
            self.fetches.refused += 1
            raise UpstreamError(Kind.OVERLOADED, REASON, retry_after=RETRY_AFTER)
        return self.fetches

    def landed(self, entry: Entry, took: float) -> None:
        """Take in that the fetch of *entry* took *took* seconds, with everything about it."""
        others = entry.records.cost + (0.0 if entry.summary is None else entry.summary.cost)
        self.fetches.took(max(0.0, took - others))
