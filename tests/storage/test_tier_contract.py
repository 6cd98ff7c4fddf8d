"""What every tier does, whatever is behind it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from storage.database import open_database
from storage.entry import Entry, Part
from storage.memory import MemoryTier
from storage.redis import make_redis
from storage.tier import Tier
from storage.tiers import Tiers
from tests.servers.postgres import Server
from tests.storage import entries

make_entry = partial(entries.make_entry, keep_until=4e9)  # Redis forgets what is over


class _TiersAsOne:
    """Lets `Tiers` stand under the contract of a single tier."""

    name = "tiers"

    def __init__(self, tiers: Tiers) -> None:
        self._tiers = tiers

    async def get(self, key: str) -> Entry | None:
        found = await self._tiers.find(key)
        return None if found is None else found.entry

    async def put(self, entry: Entry) -> None:
        await self._tiers.put(entry)

    async def drop(self, keys: Sequence[str]) -> int:
        return max((await self._tiers.drop(keys)).values())

    async def ping(self) -> None:
        assert set((await self._tiers.ping()).values()) == {"ok"}

    async def close(self) -> None:
        await self._tiers.close()


async def _open(kind: str, folder: Path, request: pytest.FixtureRequest) -> Tier:
    if kind == "memory":
        return MemoryTier(1_000_000)
    if kind == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        return await open_database(await server.new_database())
    if kind == "sqlite in memory":
        return await open_database("sqlite+aiosqlite:///:memory:")
    if kind == "redis":
        url = request.getfixturevalue("valkey_server").url
        return make_redis(url, prefix=f"{folder}:", timeout=5.0, on_change=_unexpected)
    database = await open_database(f"sqlite+aiosqlite:///{folder / 'lookup.db'}")
    if kind == "sqlite":
        return database

    def fail(tier: str, operation: str, error: Exception) -> None:
        raise AssertionError((tier, operation)) from error

    return _TiersAsOne(Tiers([MemoryTier(1_000_000), database], fail))


def _unexpected(up: bool, reason: str) -> None:
    raise AssertionError((up, reason))


@pytest.fixture(params=["memory", "sqlite", "sqlite in memory", "postgresql", "redis", "tiers"])
async def tier(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Tier]:
    opened = await _open(request.param, tmp_path, request)
    yield opened
    await opened.close()


async def test_an_unknown_key_is_none(tier: Tier) -> None:
    assert await tier.get("nobody") is None


async def test_what_was_put_is_got_whole(tier: Tier) -> None:
    entry = make_entry(
        summary=Part(b"null", 2.5), tags=("a", "나"), position=7, partial=("x",), empty=True
    )
    await tier.put(entry)
    assert await tier.get(entry.key) == entry


async def test_a_put_replaces_what_stood_there(tier: Tier) -> None:
    await tier.put(make_entry(body=b"old"))
    new = make_entry(body=b"new", keep_until=5e9, source="other")
    await tier.put(new)
    assert await tier.get(new.key) == new


async def test_the_last_of_many_puts_at_once_stands(tier: Tier) -> None:
    await asyncio.gather(*(tier.put(make_entry(body=b"%d" % n)) for n in range(20)))
    assert await tier.get(make_entry().key) == make_entry(body=b"19")


async def test_many_gets_at_once_each_get_their_own(tier: Tier) -> None:
    entries = [make_entry(f"k{n}", b"%d" % n) for n in range(300)]
    await asyncio.gather(*(tier.put(entry) for entry in entries))
    keys = [f"k{n}" for n in range(-5, 300)]
    got = await asyncio.gather(*(tier.get(key) for key in keys + keys))
    assert got == [None] * 5 + entries + [None] * 5 + entries


async def test_a_drop_forgets_its_keys_only_and_counts_them(tier: Tier) -> None:
    for key in ("a", "b", "c"):
        await tier.put(make_entry(key))
    assert await tier.drop(["a", "c", "c", "nobody"]) == 2
    assert await tier.get("a") is None
    assert await tier.get("b") == make_entry("b")
    assert await tier.drop(["a"]) == 0


async def test_a_drop_of_nothing_is_nothing(tier: Tier) -> None:
    assert await tier.drop([]) == 0


async def test_an_open_tier_answers_a_ping(tier: Tier) -> None:
    await tier.ping()


async def test_a_caller_who_leaves_hinders_no_other(tier: Tier) -> None:
    await tier.put(make_entry("a"))
    leaving = asyncio.create_task(tier.get("a"))
    staying = asyncio.create_task(tier.get("a"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == make_entry("a")


async def test_keys_are_told_apart_byte_by_byte(tier: Tier) -> None:
    keys = ["k", "K", "k ", "k%", "ㄱ", "가", "'", "k\0", "k\0x"]
    for number, key in enumerate(keys):
        await tier.put(make_entry(key, b"%d" % number))
    assert [await tier.get(key) for key in keys] == [
        make_entry(key, b"%d" % number) for number, key in enumerate(keys)
    ]
