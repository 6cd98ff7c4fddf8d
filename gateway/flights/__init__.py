"""One fetch in progress per key, owned by the key and not by any caller.

Rules: a caller who leaves cancels nobody; a flight ends at its own deadline; its error
reaches every waiter at once and is given to the next callers for a short, typed while
instead of a new call (no convoy of failures). A flight that everybody has left lands all
the same once it has begun to cost, and is cancelled if it has not. There are never more
flights and waiters than are allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from adapters import urgency
from adapters.commitment import Commitment, context_of
from adapters.deadline import Deadline
from adapters.errors import Kind, UpstreamError
from adapters.source import Priority
from adapters.sources.units import Positive, Spec
from gateway.flights.deadline import landing
from gateway.flights.failures import Failures, FailuresSpec, copied, overloaded
from gateway.flights.landed import Landed

T = TypeVar("T")
Work = Callable[[], Awaitable[T]]
_SHUT = "the gateway is shutting down"


class FlightsSpec(Spec, frozen=True, kw_only=True):
    """Fetches in progress, one for each key."""

    limit: Positive = 10_000
    """So many at a time; a lookup beyond that gets what is kept, else 503 at once."""
    waiters: Positive = 20_000
    """So many callers may wait for them; more are answered the same way."""
    failures: FailuresSpec = msgspec.field(default_factory=FailuresSpec)
    """What a failed fetch means for those who come next."""


@dataclass(slots=True)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    since: float
    number: int
    commitment: Commitment
    urgency: urgency.Urgency
    waiters: int = 0
    kept: bool = False
    """It lands although nobody waits: a refresh, or a caller who took an old answer meanwhile."""

    @property
    def abandoned(self) -> bool:
        return not (self.waiters or self.kept or self.commitment.made or self.task.done())


class Flights(Generic[T]):
    """The fetches in progress.

    *deadline* bounds each in seconds, unless its start says otherwise. *clock* is monotonic,
    in the event loop's time.
    """

    def __init__(
        self,
        deadline: float,
        clock: Callable[[], float] | None = None,
        spec: FlightsSpec | None = None,
    ) -> None:
        self._deadline = deadline
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._spec = spec or FlightsSpec()
        self._flights: dict[str, _Flight[T]] = {}
        self._failures = Failures(self._spec.failures, self._clock)
        self._waiters = 0
        self.begun = 0
        """How many have begun so far: who has read it knows which began after that."""
        self.aside = 0
        """Callers of `waiters` who wait without having joined: beside one who has."""
        self._closed = False

    @property
    def count(self) -> int:
        """How many are in the air."""
        return len(self._flights)

    @property
    def waiters(self) -> int:
        """How many callers wait for one."""
        return self._waiters + self.aside

    @property
    def crowded(self) -> bool:
        """Whether nobody further may wait."""
        return self._closed or self.waiters >= self._spec.waiters

    @property
    def oldest(self) -> float:
        """The age of the oldest flight in seconds; 0 when there is none."""
        # A dict keeps the order of insertion, and a flight is inserted when it starts.
        first = next(iter(self._flights.values()), None)
        return 0.0 if first is None else self._clock() - first.since

    def flying(self, key: str) -> bool:
        """Whether a flight for *key* is in the air."""
        return key in self._flights

    def start(self, key: str, work: Work[T], deadline: float | None = None) -> None:
        """See that a flight for *key* is in the air, and lands whoever waits for it.

        Not while it rests after a failure, nor when there are as many flights as may be.
        """
        flight = self._flights.get(key)
        if flight is not None:
            flight.kept = True
        elif not (self._closed or self._full or self._failures.recall(key, rested=True)):
            self._launch(key, work, deadline, Priority.REFRESH).kept = True

    async def join(
        self,
        key: str,
        work: Work[T],
        within: float | None = None,
        *,
        soft: float | None = None,
        deadline: float | None = None,
        priority: Priority | None = None,
    ) -> Landed[T]:
        """Wait at most *within* seconds for the flight of *key*, starting it with *work*.

        *soft* is for a caller who has an old answer to give: it waits only until the flight is
        so many seconds old and not at all while the key rests after a failure; the flight
        lands without it. *deadline* bounds a flight that this call starts. The flight becomes as
        urgent as *priority*, else as the flight in which this is called.

        Raise the flight's `UpstreamError`, one of kind TIMEOUT when the caller's own time is
        over, or one of kind OVERLOADED when there are too many flights or waiters.
        """
        failure = self._failures.recall(key, rested=soft is not None)
        if failure is not None:
            raise failure
        flight = self._flights.get(key)
        if flight is not None and flight.task.done():
            flight = None  # it has landed in this very step, and what it brought is kept
        collapsed = flight is not None
        if self._closed or self._waiters + self.aside >= self._spec.waiters:
            raise overloaded(_SHUT if self._closed else "too many callers wait already")
        if flight is None:
            if self._full:
                raise overloaded("too many lookups are being fetched already")
            flight = self._launch(key, work, deadline, priority)
        flight.commitment.bind_current()
        urgency.join(flight.urgency, priority)
        if soft is not None:
            flight.kept = True
            left = flight.since + soft - self._clock()
            within = left if within is None else min(within, left)
        return Landed(await self._wait(key, flight, within), collapsed, flight.number)

    async def close(self, grace: float) -> None:
        """Let what is in the air land within *grace* seconds, then cancel the rest."""
        self._closed = True
        tasks = [flight.task for flight in self._flights.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    @property
    def _full(self) -> bool:
        return len(self._flights) >= self._spec.limit

    async def _wait(self, key: str, flight: _Flight[T], within: float | None) -> T:
        flight.waiters += 1
        self._waiters += 1
        try:
            return await landing(flight.task, within)
        except TimeoutError as error:
            raise UpstreamError(Kind.TIMEOUT, "no answer within the caller's time") from error
        except UpstreamError as error:
            raise copied(error) from error
        except asyncio.CancelledError:
            if _cancelled_itself() or not flight.task.cancelled():
                raise
            raise overloaded(_SHUT) from None
        finally:
            flight.waiters -= 1
            self._waiters -= 1
            self._end_if_abandoned(key, flight)

    def _end_if_abandoned(self, key: str, flight: _Flight[T]) -> None:
        if flight.abandoned:
            # Away at once: whoever comes next starts anew and does not join what is ending.
            self._remove(key, flight)
            flight.task.cancel()

    def _launch(
        self, key: str, work: Work[T], deadline: float | None, priority: Priority | None
    ) -> _Flight[T]:
        commitment = Commitment()
        context = context_of(commitment)
        urgent = urgency.begin(context, priority)
        seconds = self._deadline if deadline is None else deadline
        task = asyncio.get_running_loop().create_task(
            self._fly(key, work, seconds), name=f"flight {key}", context=context
        )
        self.begun += 1
        flight = _Flight(task, self._clock(), self.begun, commitment, urgent)
        task.add_done_callback(lambda done: self._landed(key, flight, done))
        self._flights[key] = flight
        return flight

    def _landed(self, key: str, flight: _Flight[T], done: asyncio.Task[T]) -> None:
        # A flight that nobody waits for any more has had its error told as an event already.
        if not done.cancelled():
            done.exception()
        self._remove(key, flight)

    async def _fly(self, key: str, work: Work[T], seconds: float) -> T:
        try:
            with Deadline(seconds):
                value = await work()
        except TimeoutError as error:
            late = UpstreamError(Kind.TIMEOUT, "the fetch was ended at its deadline")
            self._failures.note(key, late)
            raise late from error
        except UpstreamError as error:
            self._failures.note(key, error)
            raise
        self._failures.forget(key)
        return value

    def _remove(self, key: str, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


def _cancelled_itself() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
