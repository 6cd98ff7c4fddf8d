"""Calls at a time: so many permits, and a queue for them in which callers go before bulk work.

Whose turn it is, is decided when a permit is free: a caller waits for one call of bulk work at
most, however much of that is queued, and mostly for none, since bulk work leaves some permits.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from adapters.errors import Kind, UpstreamError
from adapters.source import Priority
from adapters.urgency import Urgency, urgency_of


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """Somebody in the queue."""

    urgency: Urgency
    turn: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


def left_to_others(concurrency: int, reserve: float) -> int:
    """Return how many of so many permits warm-ups and bulk work leave; they have one at least."""
    return min(concurrency - 1, math.ceil(concurrency * reserve)) if concurrency > 0 else 0


def may_take(priority: Priority, free: int, reserved: int) -> bool:
    """Whether one of *free* permits is for work of *priority*."""
    return free > (reserved if priority >= Priority.WARMUP else 0)


def next_turn(queue: Sequence[Waiting], free: int, reserved: int) -> Waiting | None:
    """Return whose turn it is: the most urgent, and of those who came first; None: nobody's.

    *queue* is in the order of coming.
    """
    first = min(queue, key=lambda each: each.urgency.priority, default=None)
    if first is None or not may_take(first.urgency.priority, free, reserved):
        return None
    return first


class Permits:
    """At most *concurrency* holders, and of each priority *queue* who wait.

    Warm-ups and bulk work leave the share *reserve* of the permits to others. A holder that is
    cancelled gives its permit back, and one that is cancelled just when its turn has come hands
    it on.
    """

    def __init__(self, concurrency: int, queue: float, *, reserve: float = 0.0) -> None:
        self._free = concurrency
        self._queue = queue
        self._reserved = left_to_others(concurrency, reserve)
        self._waiting: list[Waiting] = []

    @property
    def free(self) -> int:
        """How many nobody holds."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._waiting)

    def held(
        self, priority: Priority, urgency: Urgency | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Hold a permit; raise ``OVERLOADED`` at once when too many wait already.

        *urgency* may rise while it waits; without it, it is that of the work around it.
        """
        return _Held(self, urgency or urgency_of(priority))

    async def acquire(self, urgency: Urgency) -> None:
        """Take a permit, for `release` to give back; see `held`."""
        if may_take(urgency.priority, self._free, self._reserved):
            self._free -= 1
            return
        # Whoever waits behind does not keep anybody out: a queue full of bulk work is no overload.
        ahead = sum(each.urgency.priority <= urgency.priority for each in self._waiting)
        if ahead >= self._queue:
            raise UpstreamError(Kind.OVERLOADED, "too many calls wait for this source")
        place = Waiting(urgency)
        self._waiting.append(place)
        with urgency.heard(self._hand_out):
            try:
                await place.turn
            except asyncio.CancelledError:
                # The permit was handed over in the same step in which its taker was cancelled.
                if place.turn.done() and not place.turn.cancelled():
                    self.release()
                elif place in self._waiting:
                    self._waiting.remove(place)
                raise

    def release(self) -> None:
        """Give a permit back, or on to whose turn it is."""
        self._free += 1
        if self._waiting:
            self._hand_out()

    def _hand_out(self) -> None:
        while (first := next_turn(self._waiting, self._free, self._reserved)) is not None:
            self._waiting.remove(first)
            if not first.turn.done():
                self._free -= 1
                first.turn.set_result(None)


class _Held:
    __slots__ = ("_permits", "_urgency")

    def __init__(self, permits: Permits, urgency: Urgency) -> None:
        self._permits = permits
        self._urgency = urgency

    async def __aenter__(self) -> None:
        await self._permits.acquire(self._urgency)

    async def __aexit__(self, *_: object) -> None:
        self._permits.release()
