import pytest

from storage.entry import Part
from storage.memory import ENTRY_OVERHEAD, TAG_OVERHEAD, MemoryTier, footprint
from tests.storage.entries import make_entry

_ONE = footprint(make_entry("a"))


async def test_a_full_tier_forgets_the_least_used() -> None:
    tier = MemoryTier(2 * _ONE)
    for key in ("a", "b", "c"):
        await tier.put(make_entry(key))
    assert [tier.peek(key) is not None for key in ("a", "b", "c")] == [False, True, True]


@pytest.mark.parametrize("way", ["get", "peek"])
async def test_reading_an_entry_counts_as_use(way: str) -> None:
    tier = MemoryTier(2 * _ONE)
    await tier.put(make_entry("a"))
    await tier.put(make_entry("b"))
    assert await tier.get("a") if way == "get" else tier.peek("a")
    await tier.put(make_entry("c"))
    assert tier.peek("a") is not None
    assert tier.peek("b") is None


async def test_the_bound_is_in_bytes_and_holds() -> None:
    tier = MemoryTier(20_000)
    for number in range(200):
        await tier.put(make_entry(f"k{number}", b"x" * (number * 37 % 4000)))
        assert tier.bytes <= 20_000
    assert tier.entries > 2


async def test_size_and_number_follow_what_is_kept() -> None:
    tier = MemoryTier(1_000_000)
    entry = make_entry("a", tags=("x", "y"), summary=Part(b"123", 1.0))
    await tier.put(entry)
    assert tier.bytes == entry.size + ENTRY_OVERHEAD + 2 * TAG_OVERHEAD
    await tier.put(make_entry("a"))
    assert (tier.bytes, tier.entries) == (_ONE, 1)
    await tier.drop(["a"])
    assert (tier.bytes, tier.entries) == (0, 0)


async def test_an_entry_larger_than_the_bound_is_not_kept_and_pushes_out_nobody() -> None:
    tier = MemoryTier(3 * _ONE)
    await tier.put(make_entry("a"))
    await tier.put(make_entry("b", b"x" * 4 * _ONE))
    assert tier.peek("a") is not None
    assert tier.peek("b") is None


async def test_a_successor_too_large_to_keep_still_replaces() -> None:
    tier = MemoryTier(3 * _ONE)
    await tier.put(make_entry("a"))
    await tier.put(make_entry("a", b"x" * 4 * _ONE))
    assert tier.peek("a") is None


async def test_a_bound_of_zero_keeps_nothing() -> None:
    tier = MemoryTier(0)
    await tier.put(make_entry("a", b""))
    assert tier.entries == 0
