"""What is written behind in batches: one call for each, two at once, and still in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from storage.entry import Entry
from storage.tier import TierError, WithdrawnError
from storage.write_behind import AT_ONCE, LINGER, PER_BATCH, WriteBehind
from tests.storage.test_write_behind import Backlog, Database, entry
from tests.waiting import eventually


class Bulk(Database):
    """Takes a batch in one call; `batches` has the keys of each, as they came."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.at_once = 0
        self.most = 0

    async def put_many(self, entries: Sequence[Entry]) -> list[WithdrawnError | None]:
        self.batches.append([each.key for each in entries])
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.gate.wait()
            if self.down:
                raise TierError("down")
            self.order += entries
            self.kept |= {each.key: each for each in entries if each.key not in self.refused}
        finally:
            self.at_once -= 1
        return [WithdrawnError(e.key) if e.key in self.refused else None for e in entries]


class World:
    """One that writes behind to a database that takes many at once."""

    def __init__(self) -> None:
        self.database, self.backlog, self.lost = Bulk(), Backlog(), list[str]()
        self.behind = WriteBehind(self.database, self.backlog, on_loss=self.lost.append)

    async def written(self) -> None:
        await eventually(lambda: not self.behind.waiting)


async def test_a_database_that_takes_many_at_once_is_asked_once_for_each_batch() -> None:
    world = World()
    world.database.refused.add("7")
    for number in range(PER_BATCH + 1):
        await world.behind.later(entry(str(number)))
    await world.written()
    assert [len(batch) for batch in world.database.batches] == [PER_BATCH, 1]
    assert len(world.database.kept) == PER_BATCH
    await eventually(lambda: not world.backlog.keys)
    assert world.lost == []


async def test_two_batches_are_out_at_once_and_never_with_the_same_key() -> None:
    world = World()
    world.database.gate.clear()
    for number in range(3 * PER_BATCH):
        await world.behind.later(entry(str(number)))
    await eventually(lambda: world.database.at_once == AT_ONCE)
    for version in (1, 2):
        await world.behind.later(entry("0", version))
    assert await world.behind.get("0") == entry("0", 2)
    await asyncio.sleep(2 * LINGER)
    assert len(world.database.batches) == AT_ONCE
    world.database.gate.set()
    await world.written()
    assert world.database.most == AT_ONCE
    assert [each for each in world.database.order if each.key == "0"] == [entry("0"), entry("0", 2)]
    assert len(world.database.order) == 3 * PER_BATCH + 1


async def test_a_batch_that_fails_is_told_to_who_waits_and_written_when_the_database_is_back() -> (
    None
):
    world = World()
    world.database.down = True
    await world.behind.later(entry("a"))
    with pytest.raises(TierError, match="down"):
        await world.behind.put(entry("b"))
    world.database.down = False
    await world.written()
    assert set(world.database.kept) == {"a"}


async def test_what_comes_again_while_it_is_out_stays_in_the_backlog_until_it_is_written() -> None:
    world = World()
    world.database.gate.clear()
    await world.behind.later(entry("a", 1))
    await eventually(lambda: world.database.at_once == 1)
    await world.behind.later(entry("a", 2))
    world.database.gate.set()
    await eventually(lambda: len(world.database.order) == 1)
    assert world.backlog.keys == {"a"}
    await world.written()
    await eventually(lambda: not world.backlog.keys)
    assert world.database.kept == {"a": entry("a", 2)}
