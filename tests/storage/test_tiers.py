import asyncio
from collections.abc import Sequence

import pytest

from storage.entry import CorruptEntryError, Entry, Found
from storage.memory import MemoryTier
from storage.tier import TierAwayError, TierError, WithdrawnError
from storage.tiers import Tiers
from storage.withdrawals import NEVER, Scope, Withdrawal
from tests.storage.entries import BrokenTier, SharedTier, make_entry

ENTRY = make_entry("a")


class _Reports(list[tuple[str, str, type[Exception]]]):
    def __call__(self, tier: str, operation: str, error: Exception) -> None:
        self.append((tier, operation, type(error)))


async def test_the_nearest_tier_answers_and_is_named() -> None:
    memory, shared = MemoryTier(100_000), SharedTier()
    tiers = Tiers([memory, shared], _Reports())
    await shared.put(ENTRY)
    assert await tiers.find("a") == Found(ENTRY, "redis")
    assert await tiers.find("a") == Found(ENTRY, "memory")
    assert await tiers.find("b") is None


async def test_what_is_found_below_is_brought_to_memory_before_the_answer() -> None:
    shared = SharedTier()
    tiers = Tiers([MemoryTier(100_000), shared], _Reports())
    await shared.put(ENTRY)
    assert tiers.peek("a") is None
    await tiers.find("a")
    assert tiers.peek("a") == ENTRY


async def test_a_slow_tier_between_does_not_hold_back_the_answer_and_is_filled_at_close() -> None:
    filled: list[str] = []

    class Between(SharedTier):
        async def close(self) -> None:
            filled.extend(self.kept)

    between, database = Between(), SharedTier("database")
    tiers = Tiers([MemoryTier(100_000), between, database], _Reports())
    await database.put(ENTRY)

    find = asyncio.create_task(tiers.find("a"))
    await asyncio.sleep(0)
    between.gate.clear()
    assert await find == Found(ENTRY, "database")
    assert between.kept == {}
    closing = asyncio.create_task(tiers.close())
    await asyncio.sleep(0)
    between.gate.set()
    await closing
    assert filled == ["a"]


async def test_a_failing_tier_is_a_miss_reported_once() -> None:
    reports = _Reports()
    shared = SharedTier()
    await shared.put(ENTRY)
    tiers = Tiers([BrokenTier(), shared], reports)
    assert await tiers.find("b") is None
    assert reports == [("broken", "get", TierError)]


async def test_an_answer_comes_past_a_failing_tier() -> None:
    reports = _Reports()
    shared = SharedTier()
    await shared.put(ENTRY)
    tiers = Tiers([MemoryTier(100_000), BrokenTier(), shared], reports)
    assert await tiers.find("a") == Found(ENTRY, "redis")
    await tiers.close()
    assert reports == [
        ("broken", "get", TierError),
        ("broken", "put", TierError),
        ("broken", "close", TierError),
    ]


async def test_a_corrupt_entry_is_a_miss_reported_once_and_dropped() -> None:
    reports = _Reports()
    shared = SharedTier()
    shared.corrupt.add("a")
    tiers = Tiers([MemoryTier(100_000), shared], reports)
    assert await tiers.find("a") is None
    assert await tiers.find("a") is None
    assert reports == [("redis", "get", CorruptEntryError)]


async def test_a_put_is_kept_by_all_that_can_and_names_them() -> None:
    reports = _Reports()
    memory, shared = MemoryTier(100_000), SharedTier()
    tiers = Tiers([memory, BrokenTier(), shared], reports)
    assert await tiers.put(ENTRY) == ("memory", "redis")
    assert memory.peek("a") == shared.kept["a"] == ENTRY
    assert reports == [("broken", "put", TierError)]


async def test_a_drop_counts_by_tier_and_leaves_out_who_failed() -> None:
    reports = _Reports()
    tiers = Tiers([MemoryTier(100_000), BrokenTier(), SharedTier()], reports)
    await tiers.put(ENTRY)
    assert await tiers.drop(["a", "b"]) == {"memory": 1, "redis": 1}
    assert await tiers.drop(["a"]) == {"memory": 0, "redis": 0}
    assert reports.count(("broken", "drop", TierError)) == 2


async def test_what_was_dropped_during_a_find_is_not_brought_back() -> None:
    shared = SharedTier()
    tiers = Tiers([MemoryTier(100_000), shared], _Reports())
    await tiers.put(ENTRY)
    await MemoryTier.drop(tiers._memory, ["a"])
    shared.gate.clear()
    find = asyncio.create_task(tiers.find("a"))
    await asyncio.sleep(0)
    await tiers.drop(["a"])
    shared.gate.set()
    await find
    assert tiers.peek("a") is None
    assert await tiers.find("a") is None


async def test_a_promotion_under_way_does_not_outlive_a_drop() -> None:
    between, database = SharedTier(), SharedTier("database")
    tiers = Tiers([MemoryTier(100_000), between, database], _Reports())
    await database.put(ENTRY)
    find = asyncio.create_task(tiers.find("a"))
    await asyncio.sleep(0)
    between.gate.clear()
    await find
    dropping = asyncio.create_task(tiers.drop(["a"]))
    await asyncio.sleep(0)
    between.gate.set()
    await dropping
    for _ in range(3):  # turns in which a promotion that nobody waited for would write
        await asyncio.sleep(0)
    assert between.kept == {}
    assert await tiers.find("a") is None


async def test_a_ping_says_for_each_tier_how_it_is() -> None:
    tiers = Tiers([MemoryTier(100_000), BrokenTier()], _Reports())
    assert await tiers.ping() == {"memory": "ok", "broken": "ping is broken"}


async def test_without_a_memory_tier_a_peek_finds_nothing() -> None:
    shared = SharedTier()
    await shared.put(ENTRY)
    assert Tiers([shared], _Reports()).peek("a") is None


async def test_what_may_stand_in_memory_alone_goes_no_further() -> None:
    memory, shared = MemoryTier(100_000), SharedTier()
    tiers = Tiers([memory, shared], _Reports())
    assert await tiers.put(ENTRY, memory_only=True) == ("memory",)
    assert (memory.peek("a"), shared.kept) == (ENTRY, {})


class _Away(SharedTier):
    async def drop(self, keys: Sequence[str]) -> int:
        raise TierAwayError("redis is away")


async def test_a_tier_that_is_away_hinders_no_withdrawal_and_one_that_refuses_does() -> None:
    assert await Tiers([MemoryTier(0), _Away()], _Reports()).unlink(["a"]) is None
    with pytest.raises(TierError, match="drop is broken"):
        await Tiers([MemoryTier(0), BrokenTier()], _Reports()).unlink(["a"])


def test_what_may_be_given_to_whom_is_told_by_the_mark_of_their_coming() -> None:
    tiers = Tiers([MemoryTier(100_000)], _Reports())
    log, old = tiers.withdrawals, make_entry(position=3)
    log.apply([Withdrawal(3, Scope("all", "other"))])
    came_before = tiers.mark
    log.apply([Withdrawal(4, Scope("source", "public", "medicine"))])
    came_after, new = tiers.mark, make_entry(position=4)
    log.apply([Withdrawal(5, Scope("source", "public", "other"))])
    came_late = tiers.mark
    marks = (came_before, came_after, came_late)
    # Withdrawn, but fetched when the first came; nothing of the other was withdrawn at all.
    assert [tiers.serves(old, mark) for mark in marks] == [True, False, False]
    assert [tiers.serves(new, mark) for mark in marks] == [True, True, True]
    log.until = 0.0
    assert [tiers.serves(new, mark) for mark in (*marks, tiers.mark)] == [True, True, False, False]
    came_while_lost, log.until = tiers.mark, NEVER
    assert not tiers.serves(old, came_while_lost)
    assert tiers.serves(new, came_while_lost)


async def test_what_others_may_have_written_is_not_looked_for_in_this_processs_memory() -> None:
    memory, shared = MemoryTier(100_000), SharedTier()
    tiers = Tiers([memory, shared], _Reports())
    memory.keep(ENTRY)
    assert await tiers.find("a", shared=True) is None
    await shared.put(ENTRY)
    assert await tiers.find("a", shared=True) == Found(ENTRY, "redis")


async def test_the_lowest_tier_forgets_first_and_is_closed_first() -> None:
    order: list[str] = []

    class Telling(SharedTier):
        async def drop(self, keys: Sequence[str]) -> int:
            order.append(self.name)
            return await super().drop(keys)

        async def close(self) -> None:
            order.append(f"{self.name} is closed")

    tiers = Tiers([MemoryTier(0), Telling("redis"), Telling("database")], _Reports())
    await tiers.drop(["a"])
    await tiers.close()
    assert order == ["database", "redis", "database is closed", "redis is closed"]


async def test_a_tier_that_takes_nothing_withdrawn_has_not_failed() -> None:
    class Fenced(SharedTier):
        async def put(self, entry: Entry) -> None:
            raise WithdrawnError(entry.key)

    reports = _Reports()
    assert await Tiers([Fenced(), SharedTier("database")], reports).put(ENTRY) == ("database",)
    assert reports == []


async def test_a_tier_that_does_not_answer_a_ping_is_told_of_and_holds_up_nobody() -> None:
    class Hung(SharedTier):
        async def ping(self) -> None:
            await asyncio.Event().wait()

    tiers = Tiers([Hung(), SharedTier("database")], _Reports())
    async with asyncio.timeout(30):
        told = await tiers.ping(within=0.01)
    assert told == {"redis": "no answer within 0.01 s", "database": "ok"}
