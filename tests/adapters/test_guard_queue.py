"""What a guard does with who waits: while the circuit opens, and where no wait was asked for."""

from __future__ import annotations

import asyncio

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Payload, Priority, Query
from adapters.sources.limits import LimitsSpec, QuotaSpec
from adapters.sources.units import Duration
from tests.adapters.test_guard import EMPTY, QUERY, Time, Upstream, failed, guard, kind_of


class Held(Upstream):
    """Answers when it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.release = asyncio.Event()

    async def fetch(self, query: Query) -> Payload:
        self.calls += 1
        await self.release.wait()
        return EMPTY


async def test_who_waited_while_the_circuit_opened_is_refused_and_costs_no_quota() -> None:
    upstream = Held()
    quotas = (QuotaSpec(limit=10, per="day", window="calendar"),)
    source = guard(upstream, Time(), LimitsSpec(concurrency=1, quotas=quotas))
    first = asyncio.create_task(source.fetch(QUERY))
    second = asyncio.create_task(source.fetch(QUERY))
    while not source.permits.waiting:
        await asyncio.sleep(0)
    source.breaker.adopt("open")
    upstream.release.set()
    assert await first is EMPTY
    with pytest.raises(UpstreamError) as caught:
        await second
    assert caught.value.kind is Kind.CIRCUIT_OPEN
    assert upstream.calls == 1
    assert source.meter.usage() == {"day": (1, 10)}


async def test_a_limit_that_does_not_say_how_long_holds_nobody_back() -> None:
    upstream = Upstream(failed(Kind.QUOTA_SHORT))
    source = guard(upstream, Time(), LimitsSpec(retries=0))
    assert await kind_of(source) is Kind.QUOTA_SHORT
    assert await source.fetch(QUERY) is EMPTY


async def test_no_try_is_waited_for_that_would_come_too_late() -> None:
    time, upstream = Time(), Upstream(failed())
    limits = LimitsSpec(deadline=Duration(2), backoff=Duration(5), max_backoff=Duration(5))
    assert await kind_of(guard(upstream, time, limits)) is Kind.TRANSIENT
    assert (upstream.calls, time.slept) == (1, [])


async def test_a_caller_waits_for_no_try_that_an_upstream_puts_off_for_long() -> None:
    limits = LimitsSpec(
        deadline=Duration(100), bulk_deadline=Duration(100), max_backoff=Duration(8)
    )
    for priority, calls in ((Priority.CALLER, 1), (Priority.BULK, 2)):
        # It is down, and says for how long: no quota that all of them have spent.
        upstream = Upstream(failed(Kind.UPSTREAM_DOWN, retry_after=20.0))
        source = guard(upstream, Time(), limits)
        await asyncio.gather(source.fetch(Query("q", priority=priority)), return_exceptions=True)
        assert upstream.calls == calls


async def test_no_quota_is_waited_for_beyond_the_time_that_is_left() -> None:
    time, upstream = Time(), Upstream()
    source = guard(upstream, time, LimitsSpec(deadline=Duration(2), max_backoff=Duration(8)))
    source.meter.exhaust(Kind.QUOTA_SHORT, 5)
    assert await kind_of(source) is Kind.QUOTA_SHORT
    assert (upstream.calls, time.slept) == (0, [])
