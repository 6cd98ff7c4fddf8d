"""An answer says that it was stored only where it was."""

from __future__ import annotations

from gateway.events import Stored
from storage.memory import MemoryTier
from storage.tiers import Tiers
from tests.gateway.world import World
from tests.storage.entries import make_entry


def told(world: World) -> int:
    return sum(isinstance(event, Stored) for event in world.seen)


async def test_an_entry_that_no_tier_takes_is_an_answer_and_not_stored() -> None:
    world = World(memory=10)
    for _ in range(2):
        answer = await world.resolver.resolve(world.lookup())
        assert (answer.outcome, answer.stored, told(world)) == ("miss", False, 0)


async def test_an_entry_that_may_not_be_kept_is_not_stored() -> None:
    world = World(store="never")
    answer = await world.resolver.resolve(world.lookup())
    assert (answer.stored, told(world)) == (False, 0)


async def test_an_entry_in_memory_is_stored() -> None:
    world = World(store="memory_only")
    answer = await world.resolver.resolve(world.lookup())
    assert (answer.stored, told(world)) == (True, 1)


async def test_memory_does_not_say_that_it_took_what_is_too_large() -> None:
    tiers = Tiers([MemoryTier(10)], lambda *_: None)
    assert await tiers.put(make_entry("k")) == ()
    assert await Tiers([MemoryTier(1 << 20)], lambda *_: None).put(make_entry("k")) == ("memory",)
