"""Each rule broken on purpose: the simulation must find every one of these."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Self

import msgspec

from adapters.breaker import Breaker, Call
from adapters.errors import Kind, UpstreamError
from adapters.guard import Guarded
from adapters.permits import Permits
from adapters.source import Payload, Priority, Query
from adapters.urgency import Urgency
from gateway.flights import Flights, Work
from gateway.flights.landed import Landed
from gateway.lookup import Lookup
from gateway.refill import Refill
from gateway.route import Route
from storage.entry import Entry
from tests.simulation.core import Build


class EachForItself(Flights[Any]):
    """Every caller has a flight of its own."""

    _numbers = count()

    async def join(self, key: str, work: Work[Any], *args: Any, **more: Any) -> Landed[Any]:
        return await super().join(f"{key}#{next(self._numbers)}", work, *args, **more)


class OwnedByCaller(Flights[Any]):
    """Whoever comes first does the work itself, and takes it along when leaving."""

    async def _wait(self, key: str, flight: Any, within: float | None) -> Any:
        if flight.waiters:
            return await super()._wait(key, flight, within)
        flight.waiters += 1
        self._waiters += 1
        try:
            async with asyncio.timeout(within):
                return await flight.task
        except TimeoutError as error:
            raise UpstreamError(Kind.TIMEOUT, "too late") from error
        finally:
            flight.waiters -= 1
            self._waiters -= 1


class NoTimeForWaiters(Flights[Any]):
    """A waiter waits for as long as the flight takes."""

    async def _wait(self, key: str, flight: Any, within: float | None) -> Any:
        del within
        return await super()._wait(key, flight, None)


class NoEnd(Flights[Any]):
    """A flight has no deadline."""

    async def _fly(self, key: str, work: Work[Any], seconds: float) -> Any:
        del seconds
        return await super()._fly(key, work, float("inf"))


class NoDeadline(Guarded):
    """A fetch has no deadline."""

    async def fetch(self, query: Query) -> Payload:
        with self.breaker.observe():
            async with self.permits.held(query.priority):
                return await self._source.fetch(query)


class LosesWhenCancelled(Permits):
    """A holder that is cancelled keeps its permit."""

    @asynccontextmanager
    async def held(self, priority: Priority, urgency: Urgency | None = None) -> AsyncIterator[None]:
        await self.acquire(urgency or Urgency(priority))
        try:
            yield
        except Exception:
            self.release()
            raise
        self.release()


class LosesOnTheWay(Permits):
    """A permit that was handed to a waiter in the step in which it left is lost."""

    async def acquire(self, urgency: Urgency) -> None:
        free = self._free
        try:
            await super().acquire(urgency)
        except asyncio.CancelledError:
            self._free = min(self._free, free)
            raise


class TooMany(Permits):
    """Who waits is let through without a permit."""

    async def acquire(self, urgency: Urgency) -> None:
        del urgency
        self._free -= 1


class RetriesAnyway(Breaker):
    """Only asks before the first try whether the circuit is open."""

    def observe(self) -> Call:
        return _AskedOnce(self)


class _AskedOnce(Call):
    def __enter__(self) -> Self:
        super().__enter__()
        super().begin()
        breaker = self._breaker
        self.refuse, breaker.refuse_when_open = breaker.refuse_when_open, lambda: None  # type: ignore[method-assign]
        return self

    def __exit__(self, *raised: Any) -> None:
        self._breaker.refuse_when_open = self.refuse  # type: ignore[method-assign]
        super().__exit__(*raised)

    def begin(self) -> None:
        """Ask nobody."""


class ManyTrials(Breaker):
    """Half open lets everybody through, as pybreaker does."""

    def refuse_when_open(self) -> None:
        self._trial = False
        super().refuse_when_open()


class NeverOpens(Breaker):
    """Failures are not counted."""

    def _record(self, call: Call, outcome: Any) -> None:
        """Forget it."""


class TooSoon(Breaker):
    """The rest is half as long as it should be."""

    def note_opened(self) -> None:
        super().note_opened()
        self._opened_at -= self._reset / 2


class RenewsBlindly(Refill):
    """What is kept is renewed without asking whether it still holds."""

    async def run(
        self, lookup: Lookup, route: Route, old: Entry | None, *args: Any, **more: Any
    ) -> Entry:
        entry = await super().run(lookup, route, old, *args, **more)
        if old is None:
            return entry
        part = msgspec.structs.replace(old.records, at=entry.records.at)
        entry = msgspec.structs.replace(entry, records=part)
        await self._tiers.put(entry)
        return entry


BROKEN: dict[str, tuple[str, Build]] = {
    "every caller has a flight of its own": (
        "one flight",
        Build(flights=EachForItself, fetches=EachForItself),
    ),
    "a caller who leaves cancels the flight": ("leaving", Build(flights=OwnedByCaller)),
    "a waiter has no deadline": ("deadline", Build(flights=NoTimeForWaiters)),
    "a hung flight never ends": (
        "deadline",
        Build(flights=NoEnd, fetches=NoEnd, guard=NoDeadline),
    ),
    "a cancelled holder keeps its permit": ("permits", Build(permits=LosesWhenCancelled)),
    "a permit is lost on its way to who has left": ("permits", Build(permits=LosesOnTheWay)),
    "more calls than permits": ("permits", Build(permits=TooMany)),
    "a retry does not ask the circuit": ("circuit", Build(breaker=RetriesAnyway)),
    "half open lets everybody through": ("circuit", Build(breaker=ManyTrials)),
    "the circuit never opens": ("circuit", Build(breaker=NeverOpens)),
    "the circuit rests too short": ("circuit", Build(breaker=TooSoon)),
    "entries are fresh for twice their time": ("freshness", Build(life=2.0)),
    "what is kept is renewed unasked": ("freshness", Build(refill=RenewsBlindly)),
}
"""What is broken, the rule whose oracle must find it, and the world that it is broken in."""
