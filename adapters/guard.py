"""The guard around a source: breaker, deadline, retries, bulkhead and quota, as one source."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Collection, Iterator

from adapters.breaker import Breaker, Call
from adapters.commitment import commit
from adapters.deadline import Deadline
from adapters.errors import Kind, UpstreamError
from adapters.further_calls import counted_by
from adapters.permits import Permits
from adapters.quiet_hours import hours_of
from adapters.quota import LocalMeter, Meter
from adapters.retries import RetryBudget, backoff
from adapters.source import Payload, Priority, Query, Source
from adapters.sources.composite import CompositeSource
from adapters.sources.costs import Cost
from adapters.sources.limits import LimitsSpec
from adapters.urgency import urgency_of

Sleep = Callable[[float], Awaitable[None]]

QUIET = "this source has warm-ups and bulk work done in its quiet hours"
_LEAST_WAIT = 0.001
"""Seconds; less could be lost in the rounding of a clock."""


class Guarded:
    """A source that spares its upstream, and is a source itself.

    ``breaker -> deadline -> retry -> bulkhead -> quota``: what is full or broken is refused
    before anything waits, and costs no quota. One fetch counts once for the breaker; each of
    its tries takes a permit and counts for the quota, and none is made while the circuit is
    open. No permit is held while a fetch waits for its next try or for a quota.
    """

    def __init__(
        self,
        source: Source,
        limits: LimitsSpec,
        breaker: Breaker,
        *,
        clock: Callable[[], float],
        sleep: Sleep = asyncio.sleep,
        meter: Meter | None = None,
        params: Collection[str] = (),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Guard *source*; *clock* gives Unix seconds and *jitter* numbers from 0 to 1.

        Raise `SpecError` where what a call costs cannot be told from *params*.
        """
        self.breaker = breaker
        self.meter: Meter = LocalMeter(limits.quotas, clock) if meter is None else meter
        self.permits = Permits(limits.concurrency, limits.queue, reserve=limits.reserve)
        self._cost = Cost(limits.cost, params)
        self._hours = hours_of(limits.quiet_hours)
        self._starts = Permits(1, math.inf)
        self._source = source
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._budget = RetryBudget(limits.retry_ratio, limits.retry_burst, clock)
        self._next_start = 0.0

    def named(self, name: str) -> Iterator[tuple[str, Guarded]]:
        """Yield this guard as *name*, and those of a composite source's parts below it."""
        yield name, self
        if isinstance(self._source, CompositeSource):
            for part, source in self._source.parts.items():
                if isinstance(source, Guarded):
                    yield from source.named(f"{name}.{part}")

    async def fetch(self, query: Query) -> Payload:
        """Return what the source has; raise `UpstreamError`, at once where it is of no use.

        Who waits (`Query.priority`) decides for how long: a warm-up and bulk work sit out a
        spent quota or a long ``Retry-After`` that no caller would.
        """
        with self.breaker.observe() as call:
            attempt = _Attempt(self, query, call)
            try:
                with Deadline(attempt.seconds):
                    return await attempt.fetch()
            except TimeoutError as error:
                raise attempt.late() from error


class _Attempt:
    """One fetch of a `Guarded` source: its tries and the waits between them."""

    __slots__ = (
        "_call",
        "_ends",
        "_guard",
        "_limits",
        "_longest_wait",
        "_query",
        "_urgency",
        "seconds",
    )

    def __init__(self, guard: Guarded, query: Query, call: Call) -> None:
        self._guard = guard
        self._limits = guard._limits
        self._query = query
        self._urgency = urgency_of(query.priority)
        self._call = call
        patient = query.priority >= Priority.WARMUP
        self.seconds = float(self._limits.bulk_deadline if patient else self._limits.deadline)
        self._longest_wait = self.seconds if patient else float(self._limits.max_backoff)
        self._ends = guard._clock() + self.seconds

    def late(self) -> UpstreamError:
        """Return the error of a fetch whose time is over."""
        if self._call.begun:
            return UpstreamError(Kind.TIMEOUT, f"no answer within {self.seconds:g} s")
        return UpstreamError(Kind.OVERLOADED, f"its turn did not come within {self.seconds:g} s")

    async def fetch(self) -> Payload:
        guard, number = self._guard, 0
        guard._budget.earn()
        while True:
            try:
                return await self._try()
            except UpstreamError as error:
                wait = self._wait_before_retry(error, number)
                if wait is None:
                    raise
            number += 1
            await guard._sleep(wait)

    async def _try(self) -> Payload:
        """Make one call, once there is a permit and the quota allows it."""
        guard = self._guard
        while True:
            async with guard.permits.held(self._query.priority, self._urgency):
                # The circuit may have opened while this fetch waited.
                guard.breaker.refuse_when_open()
                wait = await self._take()
                if wait is None:
                    if self._limits.min_interval:
                        await self._pace()
                    return await self._ask()
            # Whom a caller has joined meanwhile has a caller's share of the quota.
            await self._urgency.sit_out(_slept(guard._sleep, max(wait, _LEAST_WAIT)))

    async def _ask(self) -> Payload:
        guard = self._guard
        self._call.begin()
        commit()
        started = guard._clock()
        try:
            with counted_by(self._further):
                payload = await guard._source.fetch(self._query)
        except UpstreamError as error:
            self._believe(error)
            raise
        finally:
            self._call.took(guard._clock() - started)
        if payload.pause is not None:
            guard.meter.exhaust(Kind.QUOTA_SHORT, payload.pause)
        return payload

    async def _further(self) -> None:
        """Count a further call of the same fetch; its permit is held."""
        while (wait := await self._take()) is not None:
            await self._guard._sleep(max(wait, _LEAST_WAIT))
        if self._limits.min_interval:
            await self._pace()

    def _believe(self, error: UpstreamError) -> None:
        """Hold everyone back as long as the upstream asks for, not this caller alone."""
        short = error.kind is Kind.QUOTA_SHORT and error.retry_after is not None
        if short or error.kind is Kind.QUOTA_DAY:
            self._guard.meter.exhaust(error.kind, error.retry_after)

    async def _take(self) -> float | None:
        """Count a call, or return for how long to wait for it: not longer than for a retry."""
        guard, quiet = self._guard, self._until_quiet()
        if quiet > self._patience:
            raise UpstreamError(Kind.OVERLOADED, QUIET, retry_after=quiet)
        if quiet:
            return quiet
        try:
            await guard.meter.claim(guard._cost.of(self._query), leave=self._leave)
        except UpstreamError as error:
            wait = error.retry_after or 0.0
            if error.kind is not Kind.QUOTA_SHORT or wait > self._patience:
                raise
            return wait
        return None

    def _until_quiet(self) -> float:
        """Return the seconds until the upstream's quiet hours, where nobody waits for this."""
        if self._urgency.priority < Priority.WARMUP:
            return 0.0
        return self._guard._hours.wait(self._guard._clock())

    async def _pace(self) -> None:
        guard, interval = self._guard, self._limits.min_interval
        # The next start is the most urgent one's, and not the first one's that had a permit.
        async with guard._starts.held(self._query.priority, self._urgency):
            wait = guard._next_start - guard._clock()
            if wait > 0:
                await guard._sleep(wait)
            guard._next_start = max(guard._clock(), guard._next_start) + interval

    def _wait_before_retry(self, error: UpstreamError, number: int) -> float | None:
        """Return the seconds until the next try; None when there is none.

        Never sooner than the upstream asked for. A trial is one call.
        """
        if self._call.trial or not error.kind.consequence.retry:
            return None
        if number >= self._limits.retries:
            return None
        limits, least = self._limits, error.retry_after or 0.0
        wait = least + backoff(number, limits.backoff, limits.max_backoff, self._guard._jitter())
        if least > self._longest_wait or wait >= self._ends - self._guard._clock():
            return None
        urgent = self._urgency.priority is Priority.CALLER
        return wait if self._guard._budget.spend(urgent=urgent) else None

    @property
    def _leave(self) -> float:
        """The share of each quota that this fetch leaves to others."""
        return self._limits.reserve if self._urgency.priority >= Priority.WARMUP else 0.0

    @property
    def _patience(self) -> float:
        return min(self._longest_wait, self._ends - self._guard._clock())


async def _slept(sleep: Sleep, seconds: float) -> None:
    await sleep(seconds)
