from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storage.redis_address import parse_address
from storage.redis_clients import make_client
from storage.redis_counters import RedisCounters
from storage.redis_link import RedisLink
from tests.fault_proxy import FaultProxy
from tests.servers.valkey import Valkey

PATIENT = 20.0
DAY_END = 4_000_000_000.0


@asynccontextmanager
async def counters(url: str, prefix: str) -> AsyncIterator[RedisCounters]:
    client = make_client(parse_address(url), timeout=PATIENT)
    link = RedisLink(client, PATIENT, lambda up, why: None)
    try:
        yield RedisCounters(link, prefix)
    finally:
        await link.close()


async def test_replicas_never_exceed_a_quota_together(valkey_server: Valkey) -> None:
    url = valkey_server.url
    windows = [("day", 100, 86_400.0, DAY_END)]
    async with counters(url, "both:") as one, counters(url, "both:") as other:
        said = await asyncio.gather(
            *((one if n % 2 else other).take("s", windows, 1) for n in range(150))
        )
    granted = [answer for answer in said if answer and not answer[0]]
    refused = [answer for answer in said if answer and answer[0]]
    assert (len(granted), len(refused)) == (100, 50)
    assert all(label == "day" and wait > 60 for label, wait, _ in refused)


async def test_a_refused_call_counts_in_no_window(valkey_server: Valkey) -> None:
    windows = [("minute", 1, 60.0, 0.0), ("day", 100, 86_400.0, DAY_END)]
    async with counters(valkey_server.url, "none:") as one:
        assert await one.take("s", windows, 1) == ("", 0.0, [1, 1])
        for _ in range(3):
            refused = await one.take("s", windows, 1)
            assert refused is not None
            assert refused[0] == "minute"
            assert 55 < refused[1] <= 63
            assert refused[2] == [1, 1]


async def test_a_rolling_window_opens_again_when_it_is_past(valkey_server: Valkey) -> None:
    windows = [("second", 2, 0.2, 0.0)]
    async with counters(valkey_server.url, "roll:") as one:
        granted: list[tuple[float, float]] = []
        while len(granted) < 6:
            asked = time.monotonic()
            said = await one.take("s", windows, 1)
            assert said is not None
            if not said[0]:
                granted.append((asked, time.monotonic()))
            else:
                await asyncio.sleep(said[1])
        # Redis has granted each between the two times.
        assert all(
            heard - asked >= 0.19
            for (asked, _), (_, heard) in zip(granted, granted[2:], strict=False)
        )


async def test_calendar_windows_that_are_past_are_forgotten(valkey_server: Valkey) -> None:
    async with counters(valkey_server.url, "past:") as one:
        now = time.time()
        await one.take("s", [("second", 9, 1.0, now - 120)], 1)
        await one.take("s", [("second", 9, 1.0, now + 100)], 1)
        await one.take("s", [("second", 9, 1.0, now + 101)], 1)
        with valkey_server.client() as client:
            assert client.hlen("past:quota:s") == 2
            ttl = client.pttl("past:quota:s")
            assert isinstance(ttl, int)
            assert 0 < ttl <= 101_000


async def test_a_latch_refuses_every_replica(valkey_server: Valkey) -> None:
    url = valkey_server.url
    async with counters(url, "latch:") as one, counters(url, "latch:") as other:
        one.latch("s", "quota_day", 60)
        async with asyncio.timeout(30):
            while True:
                said = await other.take("s", [], 1)
                assert said is not None
                if said[0]:
                    break
        assert said[0] == "quota_day"
        assert 50 < said[1] <= 60


async def test_a_cost_of_its_own_counts_as_much(valkey_server: Valkey) -> None:
    windows = [("day", 10, 86_400.0, DAY_END)]
    async with counters(valkey_server.url, "cost:") as one:
        assert await one.take("s", windows, 8) == ("", 0.0, [8])
        refused = await one.take("s", windows, 3)
        assert refused is not None
        assert refused[0] == "day"
        assert await one.take("s", windows, 2) == ("", 0.0, [10])


async def test_without_redis_there_is_no_answer() -> None:
    async with FaultProxy(1) as proxy:
        await proxy.refuse()
        async with counters(f"redis://127.0.0.1:{proxy.port}", "x:") as one:
            assert await one.take("s", [], 1) is None
            one.latch("s", "quota_day", 1)
