"""What a guard does with who waits: while the circuit opens, and where no wait was asked for."""

from __future__ import annotations

import asyncio

import pytest

from adapters.errors import Kind, UpstreamError
from adapters.source import Payload, Query
from adapters.sources.limits import LimitsSpec, QuotaSpec
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
