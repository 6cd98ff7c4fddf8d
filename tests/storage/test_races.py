"""Two tiers asked for one entry: when the second is asked, who wins, and what the other does."""

from __future__ import annotations

import asyncio

from storage.entry import Look
from storage.memory import MemoryTier
from storage.races import Hedged, Patience, Race, Racing, Sequential
from storage.tiers import Tiers
from tests.storage.entries import BrokenTier, SharedTier, make_entry
from tests.waiting import eventually

ENTRY = make_entry("a")


def look(seconds: float, state: str = "answered") -> Look:
    return Look("redis", None, seconds, state)  # type: ignore[arg-type]


def test_a_hedge_waits_for_the_95th_percentile_once_it_is_known() -> None:
    hedged = Hedged()
    for number in range(19):
        hedged.note(look(number / 1000))
    assert hedged.wait() is None
    for number in range(19, 100):
        hedged.note(look(number / 1000))
    assert hedged.wait() == 0.095


def test_a_hedge_forgets_what_was_long_ago_and_counts_what_was_given_up() -> None:
    hedged = Hedged()
    for _ in range(200):
        hedged.note(look(1.0))
    for _ in range(200):
        hedged.note(look(0.001))
    assert hedged.wait() == 0.001
    for _ in range(20):
        hedged.note(look(0.005, "left"))
    for _ in range(100):
        hedged.note(look(9.0, "failed"))
    assert hedged.wait() == 0.005


def test_the_others_always_or_never_wait() -> None:
    assert (Sequential().wait(), Racing().wait()) == (None, 0.0)


class Asked(SharedTier):
    """Remembers whether a read was given up."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.gets = 0
        self.cancelled = 0

    async def get(self, key: str) -> object:  # type: ignore[override]
        self.gets += 1
        try:
            return await super().get(key)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class World:
    def __init__(self, patience: Patience) -> None:
        self.redis, self.database = Asked("redis"), Asked("database")
        self.races: list[Race] = []
        self.tiers = Tiers(
            [MemoryTier(0), self.redis, self.database],  # type: ignore[list-item]
            lambda *_: None,
            patience=patience,
            on_race=self.races.append,
        )


async def test_a_race_asks_both_and_cancels_the_one_that_loses() -> None:
    world = World(Racing())
    await world.redis.put(ENTRY)
    await world.database.put(ENTRY)
    world.redis.gate.clear()
    found = await world.tiers.find("a")
    assert found is not None
    states = [each.state for each in world.races[0].looks]
    assert (found.tier, states) == ("database", ["left", "answered"])
    await eventually(lambda: world.redis.cancelled == 1)
    assert [race.winner for race in world.races] == ["database"]
    # It may have the entry: it is not written there again.
    await world.tiers.drop([])
    assert world.redis.gets == 1


async def test_the_nearer_tier_wins_where_both_answer_and_a_miss_waits_for_the_other() -> None:
    world = World(Racing())
    await world.redis.put(ENTRY)
    await world.database.put(ENTRY)
    found = await world.tiers.find("a")
    assert found is not None
    assert found.tier == "redis"
    await world.redis.drop(["a"])
    found = await world.tiers.find("a")
    assert found is not None
    assert found.tier == "database"
    await world.tiers.drop([])
    assert "a" in world.redis.kept  # a nearer tier that lacked it has got it
    assert await world.tiers.find("b") is None
    assert [race.winner for race in world.races] == ["redis", "database", ""]


async def test_a_hedge_asks_the_database_when_redis_is_slower_than_lately() -> None:
    hedged = Hedged()
    for _ in range(20):
        hedged.note(look(0.1))
    world = World(hedged)
    await world.redis.put(ENTRY)
    await world.database.put(ENTRY)
    found = await world.tiers.find("a")
    assert found is not None
    assert (found.tier, world.races, world.database.gets) == ("redis", [], 0)
    world.redis.gate.clear()
    found = await world.tiers.find("a")
    assert found is not None
    assert found.tier == "database"
    assert world.races[0].looks[0].seconds >= 0.1


async def test_a_nearer_tier_that_fails_costs_no_wait() -> None:
    hedged = Hedged()
    for _ in range(20):
        hedged.note(look(60.0))
    database = SharedTier("database")
    await database.put(ENTRY)
    tiers = Tiers([MemoryTier(0), BrokenTier(), database], lambda *_: None, patience=hedged)
    async with asyncio.timeout(30):
        found = await tiers.find("a")
    assert found is not None
    assert found.tier == "database"


async def test_who_leaves_a_race_cancels_both() -> None:
    world = World(Racing())
    world.redis.gate.clear()
    world.database.gate.clear()
    finding = asyncio.create_task(world.tiers.find("a"))
    await eventually(lambda: world.database.gets == 1)
    finding.cancel()
    await eventually(lambda: world.redis.cancelled == world.database.cancelled == 1)
