from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from gateway.assembly import Gateway, open_gateway
from gateway.lookup import Lookup
from gateway.warming import start, warming_on_start
from gateway.warming.start import fill, load_due, paced
from tests.clocks import ManualClock
from tests.gateway.warming.world import ask, asked, asking, configured
from tests.serving import served
from tests.stub_upstream import StubUpstream
from tests.waiting import eventually

NAMES = ["aspirin", "codeine", "ibuprofen", "naproxen"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


async def test_memory_is_filled_with_what_is_popular_and_fresh_and_asks_nobody(
    tmp_path: Path, upstream: StubUpstream, url: str
) -> None:
    config, clock = configured(tmp_path, upstream, url=url), ManualClock()
    async with open_gateway(config, clock=clock) as gateway:
        await ask(gateway, "old")
        clock.advance(3601)
        await ask(gateway, *NAMES)
    calls = len(upstream.calls)
    async with open_gateway(config, clock=clock) as gateway:
        assert await fill(gateway) == len(NAMES)
        held = {q: gateway.tiers.peek(asking(gateway, q).key) for q in (*NAMES, "old")}
    assert [q for q, entry in held.items() if entry is None] == ["old"]
    assert len(upstream.calls) == calls


async def test_memory_is_filled_up_to_its_bound_with_what_is_asked_most(
    tmp_path: Path, upstream: StubUpstream
) -> None:
    config = configured(tmp_path, upstream)
    async with open_gateway(config) as gateway:
        await ask(gateway, *NAMES, "naproxen")
    config = configured(tmp_path, upstream, warm={"ready_bytes": "1B"})
    async with open_gateway(config) as gateway:
        assert await fill(gateway) == 1
        assert gateway.tiers.peek(asking(gateway, "naproxen").key) is not None


async def test_the_gateway_is_ready_when_memory_is_filled_or_the_time_is_over(
    tmp_path: Path, upstream: StubUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked, config = asyncio.Event(), configured(tmp_path, upstream, warm={"ready_within": "1h"})

    async def filling(_gateway: Gateway) -> int:
        await blocked.wait()
        return 0

    async def state(http: aiohttp.ClientSession) -> tuple[int, str]:
        async with http.get("/readyz") as response:
            return response.status, (await response.json())["memory"]

    monkeypatch.setattr(start, "fill", filling)
    async with open_gateway(config) as gateway, served(gateway) as http:

        async def filled() -> bool:
            return await state(http) == (200, "filled")

        assert await state(http) == (200, "filled")
        async with warming_on_start(gateway):
            assert await state(http) == (503, "filling")
            blocked.set()
            await eventually(filled)
    blocked.clear()
    config = configured(tmp_path, upstream, warm={"ready_within": "10ms"})
    async with open_gateway(config) as gateway, warming_on_start(gateway):
        await eventually(lambda: gateway.warmth.ready)


async def test_three_replicas_started_together_fetch_each_popular_key_once(
    tmp_path: Path, upstream: StubUpstream, url: str
) -> None:
    config, clock = configured(tmp_path, upstream, url=url), ManualClock()
    async with open_gateway(config, clock=clock) as gateway:
        await ask(gateway, *NAMES)
    clock.advance(3601)
    upstream.calls.clear()
    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(open_gateway(config, clock=clock)) for _ in range(3)
        ]
        for replica in replicas:
            await stack.enter_async_context(warming_on_start(replica))
        await eventually(lambda: len(upstream.calls) == len(NAMES))
        # The others look when the one has ended, and find nothing to do.
        reports = await asyncio.gather(*map(load_due, replicas))
    assert asked(upstream) == NAMES
    assert sum(report.count("done") for report in reports) == 0


async def test_what_a_replica_leaves_undone_another_does(
    tmp_path: Path, upstream: StubUpstream
) -> None:
    config, clock = configured(tmp_path, upstream), ManualClock()
    async with open_gateway(config, clock=clock) as gateway:
        await ask(gateway, *NAMES)
    clock.advance(3601)
    upstream.calls.clear()
    upstream.gate.clear()
    async with (
        open_gateway(config, clock=clock) as first,
        open_gateway(config, clock=clock) as second,
    ):
        leader = asyncio.create_task(load_due(first))
        await upstream.arrived(1)
        follower = asyncio.create_task(load_due(second))
        await asyncio.sleep(0.05)
        leader.cancel()
        upstream.gate.set()
        report = await follower
    assert report.count("failed") == 0
    assert set(asked(upstream)) == set(NAMES)


async def test_the_pace_is_even_and_is_not_made_up_for_after_a_wait() -> None:
    clock, waits = ManualClock(0.0), list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds, 3))
        clock.advance(seconds)

    admit = paced(4.0, clock, sleep)
    lookup = Lookup("s", "a")
    for _ in range(3):
        assert await admit(lookup) == ""
    clock.advance(10)
    for _ in range(2):
        await admit(lookup)
    assert waits == [0.25, 0.25, 0.25]
