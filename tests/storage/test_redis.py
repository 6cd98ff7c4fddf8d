"""The tier against a real server that is well, broken, frozen, slow, full, restarted."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from storage.compression import MARK
from storage.entry import CorruptEntryError, Entry
from storage.redis import RedisTier, make_redis
from storage.redis_link import Script
from storage.tier import TierAwayError, TierError
from tests.fault_proxy import FaultProxy
from tests.servers.valkey import Valkey, valkey
from tests.storage import entries

PATIENT, TIMEOUT = 20.0, 0.5
"""The second is for tests in which Redis is broken, and no less than a busy machine needs."""


def make_entry(key: str = "k", body: bytes = b"1", **changes: object) -> Entry:
    return entries.make_entry(key, body, **({"keep_until": 4e9} | changes))


@dataclass
class Told:
    """The losses and returns that were told, in order."""

    changes: list[bool] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, up: bool, reason: str) -> None:
        assert bool(reason) is not up
        self.changes.append(up)
        self.changed.set()


@dataclass
class Watched:
    """A tier and what it told."""

    tier: RedisTier
    told: Told

    async def until(self, *changes: bool) -> None:
        async with asyncio.timeout(30):
            while self.told.changes != list(changes):
                self.told.changed.clear()
                await self.told.changed.wait()


@asynccontextmanager
async def opened(port: int, timeout: float = PATIENT) -> AsyncIterator[Watched]:
    told = Told()
    url = f"redis://127.0.0.1:{port}"
    tier = make_redis(url, prefix="t:", timeout=timeout, on_change=told.tell)
    try:
        yield Watched(tier, told)
    finally:
        await tier.close()


@pytest.fixture
def server() -> Iterator[Valkey]:
    with valkey() as running:
        yield running


async def test_a_thousand_gets_of_one_tick_are_a_few_commands(server: Valkey) -> None:
    async with opened(server.port) as watched:
        tier = watched.tier
        await asyncio.gather(*(tier.put(make_entry(f"k{n}")) for n in range(1000)))
        server.forget_commands()
        got = await asyncio.gather(*(tier.get(f"k{n}") for n in range(1000)))
        assert all(got)
        calls = server.commands()
        assert calls.get("mget", 0) <= 10
        assert "get" not in calls


async def test_redis_forgets_an_entry_when_nobody_needs_it(server: Valkey) -> None:
    async with opened(server.port) as watched:
        await watched.tier.put(make_entry(keep_until=3e9))
        await watched.tier.put(make_entry("over", keep_until=5.0))
        with server.client() as client:
            assert client.pexpiretime("t:k") == 3_000_000_000_000
        assert await watched.tier.get("over") is None


async def test_values_are_compressed_where_that_pays(server: Valkey) -> None:
    async with opened(server.port) as watched:
        large = make_entry(body=b'"items":[' + b'{"id":"1","name":"x"},' * 50)
        await watched.tier.put(large)
        assert await watched.tier.get("k") == large
        with server.client() as client:
            value = client.get("t:k")
            assert isinstance(value, bytes)
            assert value.startswith(MARK)
            assert len(value) < large.size / 3


@pytest.mark.parametrize("value", [b"", b"foreign", b"\x02later", MARK + b"x"])
async def test_foreign_bytes_are_corrupt(server: Valkey, value: bytes) -> None:
    async with opened(server.port) as watched:
        with server.client() as client:
            client.set("t:k", value)
        with pytest.raises(CorruptEntryError):
            await watched.tier.get("k")


async def test_an_entry_under_anothers_key_is_corrupt(server: Valkey) -> None:
    async with opened(server.port) as watched:
        await watched.tier.put(make_entry("a"))
        with server.client() as client:
            client.rename("t:a", "t:b")
        with pytest.raises(CorruptEntryError):
            await watched.tier.get("b")


async def test_thousands_of_keys_are_unlinked_and_counted(server: Valkey) -> None:
    async with opened(server.port) as watched:
        keys = [f"k{n}" for n in range(1200)]
        await asyncio.gather(*(watched.tier.put(make_entry(key)) for key in keys))
        server.forget_commands()
        assert await watched.tier.unlink([*keys, *keys, "nobody"]) == 1200
        assert server.commands()["unlink"] == 3


async def test_a_frozen_redis_costs_one_timeout_and_then_nothing(server: Valkey) -> None:
    async with opened(server.port, TIMEOUT) as watched:
        await watched.tier.put(make_entry())
        server.freeze()
        took = await asyncio.gather(*(_refusal(watched.tier) for _ in range(100)))
        assert max(took) < 2 * TIMEOUT
        # From here on none of them waits, or they would take a hundred seconds.
        assert sum([await _refusal(watched.tier) for _ in range(200)]) < 100 * TIMEOUT
        await watched.until(False)
        server.thaw()
        await watched.until(False, True)
        assert await watched.tier.get("k") == make_entry()


async def test_who_came_while_redis_froze_waits_no_second_time(server: Valkey) -> None:
    async with opened(server.port, TIMEOUT) as watched:
        await watched.tier.get("k")
        server.freeze()
        first = asyncio.create_task(_refusal(watched.tier))
        await asyncio.sleep(TIMEOUT / 2)
        assert await _refusal(watched.tier) < TIMEOUT
        await first


async def test_a_killed_redis_is_refused_and_comes_back_by_itself(server: Valkey) -> None:
    async with opened(server.port, TIMEOUT) as watched:
        await watched.tier.put(make_entry())
        server.kill()
        await watched_failure(watched.tier)
        await watched.until(False)
        with pytest.raises(TierError, match="away"):
            await watched.tier.ping()
        server.start()
        await watched.until(False, True)
        assert await watched.tier.get("k") is None
        await watched.tier.put(make_entry())


async def test_a_redis_that_was_never_there_is_told_once() -> None:
    async with FaultProxy(1) as proxy, opened(proxy.port, TIMEOUT) as watched:
        for _ in range(3):
            with pytest.raises(TierError):
                await watched.tier.get("k")
        await watched.until(False)


async def test_a_connection_that_breaks_is_replaced_without_a_word(server: Valkey) -> None:
    async with FaultProxy(server.port) as proxy, opened(proxy.port) as watched:
        await watched.tier.put(make_entry())
        await proxy.cut()
        async with asyncio.timeout(30):
            while True:
                try:
                    assert await watched.tier.get("k") == make_entry()
                    break
                except TierError:
                    await asyncio.sleep(0)
        assert watched.told.changes == []


async def test_what_nobody_asked_for_is_the_answer_to_nobody(server: Valkey) -> None:
    async with opened(server.port) as watched:
        await watched.tier.put(make_entry())
        pool: Any = watched.tier.link._client.connection_pool  # type: ignore[union-attr]
        (connection,) = pool._available_connections
        connection._reader.feed_data(b"*1\r\n$5\r\nstray\r\n")
        assert await watched.tier.get("k") == make_entry()
        assert watched.told.changes == []


async def test_many_values_that_come_in_pieces_are_read_whole(server: Valkey) -> None:
    async with opened(server.port) as watched:
        entries = [make_entry(f"k{n}", random.Random(n).randbytes(20_000)) for n in range(60)]
        await asyncio.gather(*map(watched.tier.put, entries))
        got = await asyncio.gather(*(watched.tier.get(entry.key) for entry in entries))
        assert got == entries


async def test_a_slow_redis_is_left_alone_until_it_is_quick(server: Valkey) -> None:
    async with FaultProxy(server.port) as proxy, opened(proxy.port, TIMEOUT) as watched:
        await watched.tier.ping()
        proxy.slow(2 * TIMEOUT)
        assert await _refusal(watched.tier) < 2 * TIMEOUT
        await watched.until(False)
        await proxy.mend()
        await watched.until(False, True)


async def test_what_takes_too_long_as_a_whole_is_given_up_though_each_part_comes_in_time(
    server: Valkey,
) -> None:
    with server.client() as client:
        client.set("k", bytes(100_000))  # two chunks of the proxy
    async with FaultProxy(server.port) as proxy, opened(proxy.port, TIMEOUT) as watched:
        link = watched.tier.link
        await link.ping()
        proxy.slow(TIMEOUT / 5)
        told = await asyncio.gather(
            *(link.send("GET", "k") for _ in range(16)), return_exceptions=True
        )
        assert [type(each) for each in told] == [TierAwayError] * 16


async def test_what_was_missed_is_replayed_before_redis_is_used_again(server: Valkey) -> None:
    async with FaultProxy(server.port) as proxy, opened(proxy.port, TIMEOUT) as watched:
        tier = watched.tier
        await tier.put(make_entry())
        begun, allowed = asyncio.Event(), asyncio.Event()

        async def replay() -> None:
            begun.set()
            await allowed.wait()
            assert await tier.unlink(["k"]) == 1

        tier.on_return(replay)
        proxy.pause()
        await _refusal(tier)
        await proxy.mend()
        async with asyncio.timeout(30):
            await begun.wait()
        with pytest.raises(TierError):
            await tier.get("k")
        allowed.set()
        async with asyncio.timeout(30):
            while not tier.link.up:
                await asyncio.sleep(0)
        assert await tier.get("k") is None


async def test_a_replay_that_fails_keeps_redis_out(server: Valkey) -> None:
    async with FaultProxy(server.port) as proxy, opened(proxy.port, TIMEOUT) as watched:
        attempts = 0

        async def replay() -> None:
            nonlocal attempts
            attempts += 1
            if attempts < 3:
                raise TierError("no database")

        watched.tier.on_return(replay)
        await watched.tier.ping()
        proxy.pause()
        await _refusal(watched.tier)
        await proxy.mend()
        await watched.until(False, True)
        assert attempts == 3


async def test_only_one_trial_is_out_at_a_time(server: Valkey) -> None:
    async with FaultProxy(server.port) as proxy, opened(proxy.port, TIMEOUT) as watched:
        await watched.tier.ping()
        await proxy.refuse()
        await asyncio.gather(*(_refusal(watched.tier) for _ in range(300)))
        await watched.until(False)
        proxy.accepted = 0
        await proxy.mend()
        await watched.until(False, True)
        assert proxy.accepted == 1


async def test_a_full_redis_is_still_read(server: Valkey) -> None:
    async with opened(server.port) as watched:
        await watched.tier.put(make_entry())
        with server.client() as client:
            client.config_set("maxmemory", 1)
        with pytest.raises(TierError, match="maxmemory"):
            await watched.tier.put(make_entry("new"))
        assert await watched.tier.get("k") == make_entry()
        assert watched.told.changes == []


async def test_a_wrong_password_is_a_loss_that_names_it(server: Valkey) -> None:
    with server.client() as client:
        client.config_set("requirepass", "right")
    async with opened(server.port) as watched:
        with pytest.raises(TierError, match=r"(?i)auth"):
            await watched.tier.get("k")
        await watched.until(False)


async def test_a_script_that_redis_forgot_is_sent_whole(server: Valkey) -> None:
    script = Script("return redis.call('incrby', KEYS[1], ARGV[1])")
    async with opened(server.port) as watched:
        link = watched.tier.link
        assert await link.run(script, "n", 2) == 2
        with server.client() as client:
            client.script_flush()
        later = await asyncio.gather(link.run(script, "n", 2), link.run(script, "n", 1))
        assert list(later) == [4, 5]
        with pytest.raises(TierError, match="refuses"):
            await link.run(Script("return nonsense("), "n")


async def _refusal(tier: RedisTier) -> float:
    """Return how long a get took to be refused."""
    started = time.perf_counter()
    with pytest.raises(TierError):
        await tier.get("k")
    return time.perf_counter() - started


async def watched_failure(tier: RedisTier) -> None:
    """Read until a read fails."""
    async with asyncio.timeout(30):
        while True:
            try:
                await tier.get("k")
            except TierError:
                return
