"""What a process has left: looked for again and again, and never in the way of who is alive."""

from __future__ import annotations

import asyncio

import pytest

from storage import recovery
from storage.recovery import Recovery
from storage.tier import TierAwayError, TierError
from tests.storage.test_write_behind import Backlog, World, entry
from tests.waiting import eventually


class Looked(Backlog):
    """A backlog that remembers how old what it was asked for had to be, and fails as told."""

    def __init__(self, *faults: TierError) -> None:
        super().__init__()
        self.faults = [*faults]
        self.ages: list[float] = []

    async def left(self, older_than: float) -> list[str]:
        self.ages.append(older_than)
        if self.faults:
            raise self.faults.pop(0)
        return []


async def test_the_first_look_that_succeeds_is_for_all_and_the_next_for_what_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "LOOK_EVERY", 0.0)
    world = World()
    backlog = Looked(TierAwayError("away"), TierError("it is full"))
    looking = Recovery(world.behind, world.redis, backlog, world.lost.append)
    running = asyncio.create_task(looking.running(60.0))
    await eventually(lambda: len(backlog.ages) > 4)
    running.cancel()
    assert backlog.ages[:5] == [0.0, 0.0, 0.0, 60.0, 60.0]
    # Who lost it has told of that.
    assert world.lost == ["it is full"]


async def test_what_waits_here_is_not_taken_for_left() -> None:
    world = World()
    await world.redis.put(entry("a", 1))
    world.database.gate.clear()
    await world.behind.later(entry("a", 2))
    async with asyncio.timeout(30):
        assert await world.recovery().recover() == 0
    world.database.gate.set()
    await world.written()
    assert world.database.order == [entry("a", 2)]


async def test_what_cannot_be_read_any_more_is_no_longer_left() -> None:
    world = World()
    world.backlog.keys.add("a")
    world.redis.corrupt.add("a")
    assert await world.recovery().recover() == 0
    assert world.backlog.keys == set()
    assert world.database.kept == {}
