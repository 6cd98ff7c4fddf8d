from __future__ import annotations

from bench.caching_libraries import _failing as failing
from bench.caching_libraries import _leaving as leaving
from bench.caching_libraries import (
    aiocache_stampede,
    cashews_locked,
    cashews_plain,
    gateway,
    measure,
)


async def test_the_gateway_takes_every_fault() -> None:
    row = await measure(gateway)
    assert row.failing.startswith("1 call, 0.2")
    assert row.leaving == "9 of 9 answered, 1 call"
    assert row.hanging.startswith("all told after 0.5")
    assert row.crowd.startswith("1 call, ")


async def test_the_libraries_are_really_asked() -> None:
    assert (await failing(cashews_locked)).startswith("10 calls")
    assert (await failing(aiocache_stampede)).startswith("10 calls")
    assert await leaving(cashews_plain) == "0 of 9 answered, 1 call"
