"""What is written behind while something fails, or somebody drops, waits or closes meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from storage import write_behind
from storage.entry import Entry
from storage.tier import TierError, WithdrawnError
from storage.write_behind import Bounds
from tests.storage.test_write_behind import World, entry
from tests.storage.test_write_behind_batches import World as Bulk
from tests.waiting import eventually

FAR = 600.0
"""Seconds: who waits so long waits for nothing."""


async def _out(world: World) -> None:
    """Return when what was to be written is being written."""
    await eventually(lambda: world.behind.waiting and not len(world.behind._waiting))


async def test_what_was_dropped_is_not_written_by_a_later_try() -> None:
    world = World()
    world.database.gate.clear()
    await world.behind.later(entry("a"))
    await _out(world)
    dropping = asyncio.create_task(world.behind.drop(["a"]))
    await asyncio.sleep(0)
    world.database.down = True
    world.database.gate.set()
    assert await dropping == 0
    world.database.down = False
    await world.written()
    await world.behind.put(entry("b"))
    assert set(world.database.kept) == {"b"}


async def test_who_waits_for_what_is_dropped_is_told_so() -> None:
    world = World()
    world.database.gate.clear()
    await world.behind.later(entry("a", 1))
    await _out(world)
    putting = asyncio.create_task(world.behind.put(entry("a", 2)))
    await asyncio.sleep(0)
    dropping = asyncio.create_task(world.behind.drop(["a"]))
    async with asyncio.timeout(30):
        with pytest.raises(WithdrawnError):
            await putting
    world.database.gate.set()
    assert await dropping == 1
    assert world.database.kept == {}


async def test_where_nobody_can_vouch_for_what_waits_the_database_is_asked_when_it_has_it() -> None:
    world = World()

    async def get(key: str) -> Entry | None:
        return world.database.kept.get(key)

    world.database.get = get  # type: ignore[method-assign]
    world.database.gate.clear()
    await world.behind.later(entry("a"))
    world.current = False
    asked = asyncio.create_task(world.behind.get("a"))
    await _out(world)
    world.database.gate.set()
    assert await asked == entry("a")


async def test_another_processs_note_of_a_key_stays_when_it_is_written_here() -> None:
    world = World()
    world.backlog.keys.add("a")
    await world.behind.put(entry("a"))
    await world.behind.put(entry("b"))
    assert world.backlog.keys == {"a"}


async def test_a_backlog_that_fails_ends_no_writing() -> None:
    world = World()

    async def fail(_keys: Sequence[str]) -> None:
        raise TierError("no backlog")

    world.backlog.done = fail  # type: ignore[assignment,method-assign]
    async with asyncio.timeout(30):
        for key in "abcde":
            await world.behind.later(entry(key))
            await world.written()
    assert set(world.database.kept) == set("abcde")


async def test_what_has_waited_for_too_long_is_given_up_however_often_it_was_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_behind, "FIRST_REST", 0.01)
    monkeypatch.setattr(write_behind, "LONGEST_REST", 0.01)
    world = World(Bounds(seconds=0.4))
    world.database.down = True
    await world.behind.later(entry("a"))
    await eventually(lambda: world.lost)
    assert world.lost == ["1 entries could not be written: down"]


async def test_what_a_newer_one_follows_is_not_told_as_lost() -> None:
    world = World(Bounds(seconds=0.0))
    world.database.gate.clear()
    world.database.down = True
    await world.behind.later(entry("a", 1))
    await _out(world)
    await world.behind.later(entry("a", 2))
    world.database.gate.set()
    await world.written()
    assert len(world.lost) == 1


async def test_a_database_that_fails_is_tried_after_ever_longer_rests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_behind, "FIRST_REST", 0.02)
    monkeypatch.setattr(write_behind, "LONGEST_REST", 0.08)
    world, loop = World(), asyncio.get_running_loop()
    tries: list[tuple[float, float]] = []

    async def put(_entry: Entry) -> None:
        tries.append((world.behind._resting, loop.time()))
        if len(tries) < 6:
            raise TierError("down")

    world.database.put = put  # type: ignore[assignment,method-assign]
    await world.behind.later(entry("a"))
    await world.written()
    assert [rest for rest, _ in tries] == [0.0, 0.02, 0.04, 0.08, 0.08, 0.08]
    for (_, before), (rest, after) in pairwise(tries):
        assert after - before >= rest - 0.005  # a loop's clock is as coarse as that
    await eventually(lambda: world.behind._resting == 0.0)


async def test_a_batch_waits_for_more_until_it_is_full_or_somebody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_behind, "LINGER", FAR)
    monkeypatch.setattr(write_behind, "PER_BATCH", 3)
    world = Bulk()
    async with asyncio.timeout(60):
        await world.behind.put(entry("awaited"))
        await world.behind.later(entry("a"))
        for _ in range(10):  # turns in which it would be written alone
            await asyncio.sleep(0)
        await world.behind.later(entry("b"))
        await world.behind.later(entry("c"))
        await world.written()
    assert world.database.batches == [["awaited"], ["a", "b", "c"]]


async def test_the_database_is_closed_when_nobody_writes_to_it_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_behind, "LEAVING", 0.01)
    world, seen = World(), list[str]()

    async def put(_entry: Entry) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            seen.append("written no more")

    async def close() -> None:
        seen.append("closed")

    world.database.put = put  # type: ignore[assignment,method-assign]
    world.database.close = close  # type: ignore[method-assign]
    await world.behind.later(entry("a"))
    await _out(world)
    await world.behind.close()
    assert seen == ["written no more", "closed"]
