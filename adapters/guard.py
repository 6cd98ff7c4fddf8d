"""The guard around a source: quota, bulkhead, breaker, deadline and retries, as one source."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from adapters.breaker import Breaker
from adapters.errors import Kind, UpstreamError
from adapters.quota import LocalMeter, Meter
from adapters.source import Payload, Query, Source
from adapters.sources.limits import LimitsSpec

Sleep = Callable[[float], Awaitable[None]]

_LEAST_WAIT = 0.001
"""Seconds; less could be lost in the rounding of a clock."""


class Guarded:
    """A source that spares its upstream, and is a source itself.

    ``bulkhead -> breaker -> deadline -> retry -> quota``: what is full or broken is refused
    before anything waits, and costs no quota; one fetch counts once for the breaker, and
    each of its tries counts for the quota.
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
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Guard *source*; *clock* gives Unix seconds and *jitter* numbers from 0 to 1."""
        self.breaker = breaker
        self.meter = LocalMeter(limits.quotas, clock) if meter is None else meter
        self._source = source
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._waiting = 0
        self._next_start = 0.0

    async def fetch(self, query: Query) -> Payload:
        """Return what the source has; raise `UpstreamError`, at once where it is of no use."""
        self.breaker.refuse_when_open()
        async with self._slot():
            with self.breaker.watch():
                return await self._fetch_in_time(query)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._slots.locked() and self._waiting >= self._limits.queue:
            raise UpstreamError(Kind.OVERLOADED, "too many calls wait for this source")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    async def _fetch_in_time(self, query: Query) -> Payload:
        seconds = self._limits.deadline
        try:
            async with asyncio.timeout(seconds):
                return await self._fetch_with_retries(query)
        except TimeoutError as error:
            raise UpstreamError(Kind.TIMEOUT, f"no answer within {seconds:g} s") from error

    async def _fetch_with_retries(self, query: Query) -> Payload:
        attempt = 0
        while True:
            await self._take()
            await self._pace()
            try:
                return await self._source.fetch(query)
            except UpstreamError as error:
                self._believe(error)
                wait = self._wait_before_retry(error, attempt)
                if wait is None:
                    raise
            attempt += 1
            await self._sleep(wait)

    def _believe(self, error: UpstreamError) -> None:
        """Hold everyone back as long as the upstream asks for, not this caller alone."""
        short = error.kind is Kind.QUOTA_SHORT and error.retry_after is not None
        if short or error.kind is Kind.QUOTA_DAY:
            self.meter.exhaust(error.kind, error.retry_after)

    async def _take(self) -> None:
        """Count a call; wait for a short window, but not for longer than a retry would."""
        while True:
            try:
                return self.meter.take(self._limits.cost)
            except UpstreamError as error:
                wait = error.retry_after or 0.0
                if error.kind is not Kind.QUOTA_SHORT or wait > self._limits.max_backoff:
                    raise
            await self._sleep(max(wait, _LEAST_WAIT))

    async def _pace(self) -> None:
        interval = self._limits.min_interval
        if interval:
            now = self._clock()
            start = max(now, self._next_start)
            self._next_start = start + interval
            if start > now:
                await self._sleep(start - now)

    def _wait_before_retry(self, error: UpstreamError, attempt: int) -> float | None:
        """Return the seconds until the next try; None when there is none.

        Exponential backoff with full jitter, and never sooner than the upstream asked for.
        """
        if attempt >= self._limits.retries or not error.kind.consequence.retry:
            return None
        least = error.retry_after or 0.0
        if least > self._limits.max_backoff:
            return None
        ceiling = min(self._limits.max_backoff, self._limits.backoff * 2.0**attempt)
        return least + self._jitter() * ceiling
