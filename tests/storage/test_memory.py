import gc
import resource
import sys
import tracemalloc
from pathlib import Path

import pytest

from storage.entry import Bill, Part
from storage.memory import ENTRY_OVERHEAD, MemoryTier, footprint, pack, unpack
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
    for _ in range(2):
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
    assert tier.bytes == footprint(entry) > entry.size + ENTRY_OVERHEAD
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


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"summary": Part(b"null", 2.0, 0.5, "cd", retry=30.0)},
        {"summary": Part('{"text":"약"}'.encode(), 2.0, bill=Bill("m", 10, None, 3, 0.5))},
        {"tags": ("x", "y"), "position": 7, "partial": ("b",), "holds": "\t약\n1\t약"},
        {"head": b"", "records": Part(b"", 1.0)},
    ],
)
def test_what_was_kept_is_what_comes_back(changes: dict[str, object]) -> None:
    entry = make_entry(**changes)  # type: ignore[arg-type]
    tier = MemoryTier(1_000_000)
    tier.keep(entry)
    assert tier.peek(entry.key) == entry == unpack(pack(entry))


@pytest.mark.parametrize("way", ["replaced", "dropped", "pushed out", "cleared"])
async def test_whoever_holds_what_was_kept_sees_that_it_is_gone(way: str) -> None:
    tier = MemoryTier(2 * _ONE)
    tier.keep(make_entry("a"))
    kept = tier.handle("a")
    assert kept is not None
    assert kept.json
    if way == "pushed out":
        tier.keep(make_entry("b"))
        tier.keep(make_entry("c"))
    elif way == "cleared":
        tier.clear()
    elif way == "dropped":
        assert await tier.drop(["a", "z"]) == 1
    else:
        tier.keep(make_entry("a"))
    assert not kept.json
    assert unpack(kept) is None


def test_memory_takes_about_as_much_as_is_counted() -> None:
    """Of 20,000 entries; bench/memory.py does it with a million."""
    before = _resident()
    tier = MemoryTier(1 << 30)
    for number in range(20_000):
        tier.keep(make_entry(f"v1:public:medicine:{number:064x}", b"x" * (500 + number % 1500)))
    grown = _resident() - before
    assert grown < 1.1 * tier.bytes


def test_an_entry_takes_no_more_beside_its_bytes_than_is_counted() -> None:
    """Also when three of four had to go; the allocator's rounding is in bench/memory.py."""
    entries = [
        make_entry(f"v1:public:medicine:{number:064x}", b"x" * (500 + number % 500))
        for number in range(6_000)
    ]
    tier = MemoryTier(1_500 * footprint(entries[250]))
    tracemalloc.start()
    for entry in entries:
        tier.keep(entry)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The texts of the keys came with the entries: they were there before.
    keys = sum(sys.getsizeof(entry.key) for entry in entries[: tier.entries])
    beside = (taken + keys - tier.bytes) / tier.entries + ENTRY_OVERHEAD
    assert tier.entries > 1_300
    assert 200 < beside < ENTRY_OVERHEAD <= 400


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def test_a_look_at_whether_it_is_kept_is_no_use_of_an_entry() -> None:
    tier = MemoryTier(2 * _ONE)
    await tier.put(make_entry("a"))
    await tier.put(make_entry("b"))
    assert [tier.has("a") for _ in range(4)] == [True] * 4
    await tier.put(make_entry("c"))
    assert [tier.has(key) for key in "abc"] == [False, True, True]
