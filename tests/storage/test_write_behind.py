"""What is written behind: later, in order, bounded, seen meanwhile, and never lost by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from storage.entry import Entry
from storage.memory import MemoryTier
from storage.recovery import Recovery
from storage.tier import TierError, WithdrawnError
from storage.tiers import Tiers
from storage.write_behind import Bounds, WriteBehind
from tests.storage.entries import BrokenTier, SharedTier, make_entry
from tests.waiting import eventually


class Database(SharedTier):
    """Remembers the order of writes; `down` fails, `refused` is withdrawn."""

    def __init__(self) -> None:
        super().__init__("database")
        self.order: list[Entry] = []
        self.down = False
        self.refused: set[str] = set()
        self.closed = False

    async def put(self, entry: Entry) -> None:
        await self.gate.wait()
        if self.down:
            raise TierError("down")
        if entry.key in self.refused:
            raise WithdrawnError(entry.key)
        self.order.append(entry)
        await super().put(entry)

    async def close(self) -> None:
        self.closed = True


class Backlog:
    """A backlog in memory; `broken` refuses notes."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.broken = False

    async def note(self, key: str) -> None:
        if self.broken:
            raise TierError("no backlog")
        self.keys.add(key)

    async def done(self, keys: Sequence[str]) -> None:
        self.keys.difference_update(keys)

    async def left(self, older_than: float) -> list[str]:
        return sorted(self.keys)


class World:
    def __init__(self, bounds: Bounds | None = None) -> None:
        self.database, self.redis, self.backlog = Database(), SharedTier(), Backlog()
        self.lost: list[str] = []
        self.current = True
        self.behind = WriteBehind(
            self.database,
            self.backlog,
            bounds=bounds,
            vouched=lambda: self.current,
            on_loss=self.lost.append,
        )
        self.tiers = Tiers([MemoryTier(0), self.redis, self.behind], lambda *_: None)

    async def written(self) -> None:
        await eventually(lambda: not self.behind.waiting)

    def recovery(self) -> Recovery:
        return Recovery(self.behind, self.redis, self.backlog, self.lost.append)


def entry(key: str, version: int = 0) -> Entry:
    return make_entry(key, b'"total":%d' % version)


async def test_a_write_returns_before_the_database_has_it_and_is_read_through_meanwhile() -> None:
    world = World()
    world.database.gate.clear()
    assert await world.tiers.put(entry("a")) == ("redis", "database")
    assert world.database.kept == {}
    assert await world.behind.get("a") == entry("a")
    assert world.backlog.keys == {"a"}
    world.database.gate.set()
    await world.written()
    assert world.database.kept == {"a": entry("a")}
    await eventually(lambda: not world.backlog.keys)


async def test_without_a_shared_tier_that_took_it_a_write_is_waited_for() -> None:
    world = World()
    world.database.gate.clear()
    # What only this process's memory has is lost with it.
    tiers = Tiers([MemoryTier(100_000), BrokenTier(), world.behind], lambda *_: None)
    putting = asyncio.create_task(tiers.put(entry("a")))
    await asyncio.sleep(0.05)
    assert not putting.done()
    world.database.gate.set()
    assert await putting == ("memory", "database")


async def test_where_the_backlog_fails_a_write_is_waited_for() -> None:
    world = World()
    world.backlog.broken = True
    await world.tiers.put(entry("a"))
    assert "a" in world.database.kept


async def test_of_one_key_the_last_write_stands_and_none_overtakes_another() -> None:
    world = World()
    world.database.gate.clear()
    await world.behind.later(entry("a", 1))
    await eventually(lambda: world.behind.has("a") and not world.behind._waiting)
    for version in (2, 3):
        await world.behind.later(entry("a", version))
    assert await world.behind.get("a") == entry("a", 3)
    world.database.gate.set()
    await world.written()
    assert world.database.order == [entry("a", 1), entry("a", 3)]


async def test_when_too_many_wait_a_further_one_waits_for_its_commit() -> None:
    world = World(Bounds(entries=3))
    world.database.gate.clear()
    for number in range(3):
        await world.behind.later(entry(str(number)))
    further = asyncio.create_task(world.behind.later(entry("further")))
    await asyncio.sleep(0.05)
    assert not further.done()
    await world.behind.later(entry("1", 2))  # takes the place of the one before it
    world.database.gate.set()
    await further
    assert world.database.kept["further"] == entry("further")


async def test_a_database_that_returns_gets_what_waited_and_who_waits_is_told_at_once() -> None:
    world = World()
    world.database.down = True
    await world.behind.later(entry("a"))
    with pytest.raises(TierError, match="down"):
        await world.behind.put(entry("b"))
    assert world.behind.has("a")
    world.database.down = False
    await world.written()
    assert set(world.database.kept) == {"a"}
    assert world.lost == []


async def test_what_cannot_be_written_for_too_long_is_told_and_stays_in_the_backlog() -> None:
    world = World(Bounds(seconds=0.0))
    world.database.down = True
    await world.behind.later(entry("a"))
    await world.written()
    assert world.lost == ["1 entries could not be written: down"]
    assert world.backlog.keys == {"a"}


async def test_what_was_withdrawn_meanwhile_is_forgotten() -> None:
    world = World()
    world.database.refused.add("a")
    await world.behind.later(entry("a"))
    await world.written()
    await eventually(lambda: not world.backlog.keys)
    assert world.database.kept == {}
    assert world.lost == []


async def test_a_process_that_does_not_know_what_was_withdrawn_serves_nothing_that_waits() -> None:
    world = World()
    world.database.refused.add("a")
    world.database.gate.clear()
    await world.behind.later(entry("a"))
    world.current = False
    asked = asyncio.create_task(world.behind.get("a"))
    await asyncio.sleep(0.02)
    assert not asked.done()
    world.database.gate.set()
    with suppress(WithdrawnError):
        assert await asked is None
    assert await world.behind.get("a") is None


async def test_a_drop_takes_what_waits_and_what_is_out() -> None:
    world = World()
    world.database.gate.clear()
    await world.behind.later(entry("a"))
    await eventually(lambda: not world.behind._waiting)
    await world.behind.later(entry("b"))
    dropping = asyncio.create_task(world.behind.drop(["a", "b"]))
    await asyncio.sleep(0.02)
    world.database.gate.set()
    assert await dropping == 1
    assert world.database.kept == {}
    assert not world.behind.waiting


async def test_closing_writes_what_waits() -> None:
    world = World()
    for number in range(2500):
        await world.behind.later(entry(str(number)))
    await world.behind.close()
    assert len(world.database.kept) == 2500
    assert world.database.closed
    assert world.backlog.keys == set()


async def test_closing_without_a_database_tells_what_is_left_to_the_next() -> None:
    world = World()
    world.database.down = True
    await world.behind.later(entry("a"))
    await world.behind.close()
    assert world.lost == ["1 entries are left to the next process"]
    assert world.backlog.keys == {"a"}


async def test_another_process_writes_what_one_has_left() -> None:
    world = World()
    for number in range(3):
        await world.redis.put(entry(str(number)))
        world.backlog.keys.add(str(number))
    world.database.refused.add("1")
    await world.redis.drop(["2"])
    assert await world.recovery().recover() == 1
    assert set(world.database.kept) == {"0"}
    assert world.backlog.keys == set()


async def test_what_is_newer_than_what_was_recovered_is_what_stands() -> None:
    world = World()
    world.backlog.keys.add("a")
    await world.redis.put(entry("a", 1))
    world.database.gate.clear()
    recovering = asyncio.create_task(world.recovery().recover())
    await eventually(lambda: world.behind.has("a"))
    await world.redis.put(entry("a", 2))  # by another process, whose own write came first
    world.database.gate.set()
    assert await recovering == 1
    assert world.database.kept["a"] == entry("a", 2)
