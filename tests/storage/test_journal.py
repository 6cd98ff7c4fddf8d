"""The journal in memory and the one in Redis, alike and apart."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from storage.journal import Journal, LocalJournal, place
from storage.redis_address import parse_address
from storage.redis_channels import RedisChannels
from storage.redis_clients import make_client
from storage.redis_journal import RedisJournal
from storage.redis_link import RedisLink
from tests.clocks import ManualClock
from tests.fault_proxy import FaultProxy
from tests.servers.valkey import Valkey

PATIENT = 20.0


@asynccontextmanager
async def shared(url: str, prefix: str) -> AsyncIterator[RedisJournal]:
    address = parse_address(url)
    link = RedisLink(make_client(address, timeout=PATIENT), PATIENT, lambda up, why: None)
    channels = RedisChannels(make_client(address, timeout=PATIENT), link, prefix)
    journal = RedisJournal(link, channels, prefix)
    try:
        async with channels.running():
            await channels.listening.wait()
            yield journal
            await journal.close()
    finally:
        await link.close()


@pytest.fixture(params=["local", "redis"])
async def journal(request: pytest.FixtureRequest, valkey_server: Valkey) -> AsyncIterator[Journal]:
    if request.param == "local":
        yield LocalJournal()
        return
    prefix = f"journal{secrets.token_hex(4)}:"
    async with shared(valkey_server.url, prefix) as opened:
        yield opened


async def bodies(journal: Journal, after: str, count: int) -> list[bytes]:
    """Return what comes after *after*, once there are *count* lines of it."""
    async with asyncio.timeout(30):
        while True:
            news = journal.news
            lines = await journal.since(after, 1000)
            if len(lines) >= count:
                return [line.body for line in lines]
            await news.wait()


async def test_lines_are_read_on_from_any_of_them(journal: Journal) -> None:
    begin = await journal.latest()
    for n in range(5):
        journal.append(b"%d" % n)
    assert await bodies(journal, begin, 5) == [b"0", b"1", b"2", b"3", b"4"]
    lines = await journal.since(begin, 1000)
    order = [place(line.id) for line in lines]
    assert all(a and b and a < b for a, b in pairwise(order))
    assert [line.body for line in await journal.since(lines[2].id, 1000)] == [b"3", b"4"]
    assert [line.body for line in await journal.since(begin, 2)] == [b"0", b"1"]
    assert await journal.latest() == lines[-1].id
    assert await journal.whole(lines[0].id)


async def test_who_waits_is_woken_by_the_next_line(journal: Journal) -> None:
    begin = await journal.latest()
    waiting = asyncio.create_task(bodies(journal, begin, 1))
    await asyncio.sleep(0.02)
    journal.append(b"now")
    assert await waiting == [b"now"]


async def test_a_full_journal_forgets_the_oldest_and_says_so() -> None:
    journal = LocalJournal(kept=3, clock=ManualClock())
    begin = await journal.latest()
    for n in range(5):
        journal.append(b"%d" % n)
    assert await bodies(journal, begin, 3) == [b"2", b"3", b"4"]
    assert not await journal.whole(begin)
    assert await journal.whole((await journal.since(begin, 1))[0].id)


async def test_what_was_before_the_start_is_not_known() -> None:
    assert not await LocalJournal().whole("1000-0")


async def test_replicas_write_one_journal_and_some_things_once(valkey_server: Valkey) -> None:
    url = valkey_server.url
    async with shared(url, "fleet:") as one, shared(url, "fleet:") as other:
        begin = await one.latest()
        for journal in (one, other):
            journal.append(b"withdrawn", "invalidated:7")
        one.append(b"one's")
        assert sorted(await bodies(other, begin, 2)) == [b"one's", b"withdrawn"]
        await asyncio.gather(one.close(), other.close())
        assert len(await one.since(begin, 10)) == 2


async def test_a_trimmed_stream_says_that_lines_are_gone(valkey_server: Valkey) -> None:
    async with shared(valkey_server.url, "trim:") as journal:
        assert await journal.whole("5-5")
        for n in range(3):
            journal.append(b"%d" % n)
        await bodies(journal, "0-0", 3)
        first = (await journal.since("0-0", 1))[0].id
        with valkey_server.client() as client:
            client.xtrim("trim:{events}", maxlen=1, approximate=False)
        assert not await journal.whole(first)
        assert await journal.whole(await journal.latest())


async def test_what_happens_while_redis_is_away_is_written_afterwards(
    valkey_server: Valkey,
) -> None:
    async with (
        FaultProxy(valkey_server.port) as proxy,
        shared(f"redis://127.0.0.1:{proxy.port}", "away:") as journal,
    ):
        begin = await journal.latest()
        await proxy.refuse()
        journal.append(b"first")
        journal.append(b"second")
        await asyncio.sleep(0.1)
        await proxy.mend()
        async with shared(valkey_server.url, "away:") as other:
            assert await bodies(other, begin, 2) == [b"first", b"second"]
