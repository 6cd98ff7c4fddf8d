"""One fetch in progress per key, owned by the key and not by any caller.

Rules: a caller who leaves cancels nobody; a flight ends at its own deadline; its
error reaches every waiter at once and is given to the next callers for a short,
typed while instead of a new call (no convoy of failures).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from adapters.errors import Kind, UpstreamError

T = TypeVar("T")
Work = Callable[[], Awaitable[T]]


@dataclass(slots=True)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    since: float
    waiters: int = 0


@dataclass(frozen=True, slots=True)
class Landed(Generic[T]):
    """What a flight brought, and whether its caller shared another's."""

    value: T
    collapsed: bool


class Flights(Generic[T]):
    """The fetches in progress.

    *deadline* bounds each in seconds. *clock* is monotonic, in the event loop's time.
    """

    def __init__(self, deadline: float, clock: Callable[[], float] | None = None) -> None:
        self._deadline = deadline
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._flights: dict[str, _Flight[T]] = {}
        self._failures: dict[str, tuple[float, UpstreamError]] = {}
        self._closed = False

    @property
    def count(self) -> int:
        """How many are in the air."""
        return len(self._flights)

    @property
    def waiters(self) -> int:
        """How many callers wait for one."""
        return sum(flight.waiters for flight in self._flights.values())

    @property
    def oldest(self) -> float:
        """The age of the oldest flight in seconds; 0 when there is none."""
        starts = [flight.since for flight in self._flights.values()]
        return self._clock() - min(starts) if starts else 0.0

    def flying(self, key: str) -> bool:
        """Whether a flight for *key* is in the air."""
        return key in self._flights

    def start(self, key: str, work: Work[T]) -> None:
        """See that a flight for *key* is in the air, unless one failed a moment ago."""
        if not self._closed and self._remembered(key) is None and key not in self._flights:
            self._launch(key, work)

    async def join(self, key: str, work: Work[T], within: float | None = None) -> Landed[T]:
        """Wait at most *within* seconds for the flight of *key*, starting it with *work*.

        Raise the flight's `UpstreamError`, or one of kind TIMEOUT when the caller's own time
        is over; the flight goes on.
        """
        failure = self._remembered(key)
        if failure is not None:
            raise failure
        if self._closed:
            raise UpstreamError(Kind.OVERLOADED, "the gateway is shutting down", retry_after=1)
        flight = self._flights.get(key)
        collapsed = flight is not None
        if flight is None:
            flight = self._launch(key, work)
        flight.waiters += 1
        try:
            async with asyncio.timeout(within):
                return Landed(await asyncio.shield(flight.task), collapsed)
        except TimeoutError as error:
            raise UpstreamError(Kind.TIMEOUT, "no answer within the caller's time") from error
        except UpstreamError as error:
            raise _copy(error) from error
        finally:
            flight.waiters -= 1

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

    def _remembered(self, key: str) -> UpstreamError | None:
        failure = self._failures.get(key)
        if failure is None:
            return None
        until, error = failure
        if self._clock() < until:
            return _copy(error)
        del self._failures[key]
        return None

    def _launch(self, key: str, work: Work[T]) -> _Flight[T]:
        task = asyncio.get_running_loop().create_task(self._fly(key, work), name=f"flight {key}")
        # A flight that nobody waits for any more has had its error told as an event already.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        flight = _Flight(task, self._clock())
        self._flights[key] = flight
        return flight

    async def _fly(self, key: str, work: Work[T]) -> T:
        try:
            async with asyncio.timeout(self._deadline):
                return await work()
        except TimeoutError as error:
            late = UpstreamError(Kind.TIMEOUT, "the fetch was ended at its deadline")
            self._remember(key, late)
            raise late from error
        except UpstreamError as error:
            self._remember(key, error)
            raise
        finally:
            del self._flights[key]

    def _remember(self, key: str, error: UpstreamError) -> None:
        seconds = error.kind.consequence.remember
        if seconds <= 0:
            return
        now = self._clock()
        if len(self._failures) >= _FAILURES_KEPT:
            self._failures = {k: f for k, f in self._failures.items() if f[0] > now}
        if len(self._failures) < _FAILURES_KEPT:
            self._failures[key] = (now + seconds, error)


_FAILURES_KEPT = 10_000
"""Beyond so many distinct failing keys nothing is gained by remembering more."""


def _copy(error: UpstreamError) -> UpstreamError:
    """Return the same error anew: one instance raised in a thousand tasks grows its traceback."""
    return UpstreamError(error.kind, error.message, retry_after=error.retry_after)
