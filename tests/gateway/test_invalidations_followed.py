"""How a process follows the log: what it tells others, and what it knows when it begins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.events import TierFailed
from gateway.invalidations import Invalidations
from storage.invalidation import News
from storage.memory import MemoryTier
from storage.tier import TierError
from storage.tiers import Tiers
from storage.withdrawals import Scope
from tests.clocks import ManualClock
from tests.gateway.test_invalidations import EVERYTHING, DeafBell, Fleet, entry
from tests.storage.entries import SharedTier, make_entry


class Bell(DeafBell):
    """Remembers what it was told, and whether it was closed; nobody polls."""

    def __init__(self) -> None:
        super().__init__(polls=False)
        self.rung: list[int] = []
        self.closed = False

    async def ring(self, position: int) -> None:
        self.rung.append(position)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    fleet = Fleet(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}")
    async with fleet.stack:
        yield fleet


async def test_a_withdrawal_is_applied_here_and_rung_for_others_before_it_returns(
    fleet: Fleet,
) -> None:
    bell = Bell()
    one = await fleet.replica(bell=bell)
    await one.tiers.put(entry())
    await one.invalidations.withdraw(EVERYTHING, wait=False)
    assert one.tiers.peek(entry().key) is None
    assert bell.rung == [1]


async def test_a_withdrawal_takes_what_the_shared_tier_has(fleet: Fleet) -> None:
    one, shared = await fleet.replica(), SharedTier("redis")
    tiers = Tiers(
        [MemoryTier(0), shared, one.database], lambda *_: None, withdrawals=one.tiers.withdrawals
    )
    await tiers.put(entry())
    invalidations = Invalidations(replace(one.follower, tiers=tiers))
    assert (await invalidations.withdraw(EVERYTHING, wait=False)).unlinked == 1
    assert shared.kept == {}


async def test_who_ends_is_waited_for_by_nobody_and_hears_nothing_more(fleet: Fleet) -> None:
    one, bell = await fleet.replica(), Bell()
    other = Invalidations(replace(one.follower, doorbell=bell, id="other"))
    async with other.following():
        known = {each.id for each in await one.follower.replicas.behind(99)}
        assert known == {one.follower.id, "other"}
    assert {each.id for each in await one.follower.replicas.behind(99)} == {one.follower.id}
    assert bell.closed


async def test_each_loss_of_the_log_is_told_once(fleet: Fleet) -> None:
    one = await fleet.replica(bell=Bell())
    since = one.follower.log.since

    async def unreachable(_position: int) -> News:
        raise TierError("cut off")

    for _ in range(2):
        one.follower.log.since = unreachable  # type: ignore[assignment,method-assign]
        for _ in range(3):
            await one.invalidations.catch_up()
        one.follower.log.since = since  # type: ignore[method-assign]
        await one.invalidations.catch_up()
    told = [event for event in one.seen if isinstance(event, TierFailed)]
    assert told == [TierFailed("invalidations", "follow", "cut off")] * 2


async def test_who_begins_knows_what_was_withdrawn_and_of_what_is_gone_from_the_log_nothing(
    fleet: Fleet,
) -> None:
    one, shared = await fleet.replica(), SharedTier("redis")
    mine, theirs = entry(position=0), make_entry("v1:acme:medicine:1", position=0)
    for copy in (mine, theirs):
        shared.kept[copy.key] = copy
    await one.invalidations.withdraw(EVERYTHING)
    await one.invalidations.withdraw(Scope("tag", "public", value="t"))
    begun = await fleet.replica()
    tiers = Tiers([shared], lambda *_: None, withdrawals=begun.tiers.withdrawals)
    assert await tiers.find(mine.key) is None
    assert await tiers.find(theirs.key) is not None
    await begun.invalidations.catch_up()
    await one.invalidations.catch_up()
    await one.follower.log.trim(keep=1)
    later = await fleet.replica()
    tiers = Tiers([shared], lambda *_: None, withdrawals=later.tiers.withdrawals)
    for copy in (mine, theirs):
        shared.kept[copy.key] = copy
        assert await tiers.find(copy.key) is None


async def test_a_lease_is_held_anew_in_time_and_not_at_each_ring(fleet: Fleet) -> None:
    one = await fleet.replica(lease=4, bell=Bell())
    clock = ManualClock(one.clock() + 10)
    one.clock = clock

    async def beats() -> int:
        return (await one.follower.replicas.behind(99))[0].beat

    for _ in range(3):
        await one.invalidations.catch_up()
    assert one.tiers.withdrawals.until == clock() + 4
    before = await beats()
    clock.advance(0.5)
    await one.invalidations.catch_up()
    assert await beats() == before
    clock.advance(0.5)
    await one.invalidations.catch_up()
    assert await beats() == before + 1
    assert one.tiers.withdrawals.until == clock() + 4


async def test_who_joins_anew_serves_nothing_that_was_withdrawn_until_then(fleet: Fleet) -> None:
    one, two = await fleet.replica(), await fleet.replica(bell=Bell())
    await one.tiers.put(entry())
    assert await two.find() is not None
    await one.database.database.change("DELETE FROM replicas WHERE id = ?", two.follower.id)
    join = two.follower.replicas.join

    async def late(replica: str) -> None:
        await one.invalidations.withdraw(EVERYTHING)
        await join(replica)

    two.follower.replicas.join = late  # type: ignore[method-assign]
    two.clock = ManualClock(two.clock() + 10)
    await two.invalidations.catch_up()
    assert two.tiers.peek(entry().key) is None


async def test_a_lease_begins_when_the_log_is_asked_and_not_when_it_answers(fleet: Fleet) -> None:
    one = await fleet.replica(lease=4, bell=Bell())
    clock = ManualClock(one.clock() + 10)
    one.clock, began, since = clock, clock(), one.follower.log.since

    async def slow(position: int) -> News:
        news = await since(position)
        clock.advance(3)
        return news

    one.follower.log.since = slow  # type: ignore[method-assign]
    await one.invalidations.catch_up()
    assert one.tiers.withdrawals.until == began + 4
