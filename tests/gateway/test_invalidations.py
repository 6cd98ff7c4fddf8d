"""Several replicas over one database: withdrawn is withdrawn, for everybody, once acknowledged."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from adapters.sources.units import Duration
from gateway.config.invalidation import InvalidationSpec
from gateway.events import Event, Events, Invalidated, TierFailed
from gateway.invalidations import Follower, Invalidations
from storage import postgres_fills, sqlite_entries
from storage.database import DatabaseTier, open_database
from storage.doorbell import Doorbell, open_doorbell
from storage.entry import Entry
from storage.invalidation import InvalidationLog, News
from storage.memory import MemoryTier
from storage.replicas import Replicas
from storage.tier import TierError
from storage.tiers import Tiers
from storage.withdrawals import Scope, Withdrawals, holdings
from tests.clocks import ManualClock
from tests.servers.postgres import Server
from tests.storage.entries import SharedTier, make_entry
from tests.waiting import eventually

EVERYTHING = Scope("all", "public")


def entry(number: int = 1, **changes: object) -> Entry:
    return make_entry(f"v1:public:medicine:{number}", **changes)  # type: ignore[arg-type]


class DeafBell:
    """Nobody hears it: the poll has to do, if *polls*."""

    def __init__(self, *, polls: bool = True) -> None:
        self._polls = polls

    async def ring(self, position: int) -> None:
        """Lost."""

    async def wait(self, within: float) -> None:
        await asyncio.sleep(within if self._polls else 3600)

    async def close(self) -> None:
        """Nothing to give back."""


class Replica:
    """What one process has between a lookup and the database."""

    def __init__(self, database: DatabaseTier, bell: Doorbell, spec: InvalidationSpec) -> None:
        self.database = database
        self.seen: list[Event] = []
        self.clock: Callable[[], float] = time.monotonic
        self.tiers = Tiers(
            [MemoryTier(1 << 20), database],
            lambda *_: None,
            withdrawals=Withdrawals(clock=self._now),
        )
        self.follower = Follower(
            log=InvalidationLog(database.database),
            replicas=Replicas(database.database),
            tiers=self.tiers,
            doorbell=bell,
            events=Events(self.seen.append),
            settings=spec,
        )
        self.invalidations = Invalidations(self.follower)

    def _now(self) -> float:
        return self.clock()

    async def find(self, number: int = 1) -> Entry | None:
        found = await self.tiers.find(entry(number).key)
        return None if found is None else found.entry


class Fleet:
    """Replicas that end with their test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stack = AsyncExitStack()

    async def replica(
        self, *, lease: float = 5, strict: bool = True, bell: Doorbell | None = None
    ) -> Replica:
        database = await open_database(self.url)
        self.stack.push_async_callback(database.close)
        spec = InvalidationSpec(lease=Duration(lease), strict=strict)
        replica = Replica(database, bell or open_doorbell(database.database), spec)
        await self.stack.enter_async_context(replica.invalidations.following())
        return replica


@pytest.fixture(params=["sqlite", "postgresql"])
async def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Fleet]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'a.db'}"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        url = await server.new_database()
    fleet = Fleet(url)
    async with fleet.stack:
        yield fleet


async def test_no_replica_serves_what_was_withdrawn_once_that_is_acknowledged(
    fleet: Fleet,
) -> None:
    one, two = await fleet.replica(), await fleet.replica()
    await one.tiers.put(entry())
    for replica in (one, two):
        assert await replica.find() is not None
        assert replica.tiers.peek(entry().key) is not None
    withdrawn = await one.invalidations.withdraw(EVERYTHING)
    assert withdrawn.keys == (entry().key,)
    for replica in (one, two):
        assert replica.tiers.peek(entry().key) is None
        assert await replica.find() is None
        told = [event for event in replica.seen if isinstance(event, Invalidated)]
        assert told == [Invalidated(1, "all", "public", "", "")]


async def test_without_waiting_the_others_follow_soon(fleet: Fleet) -> None:
    one, two = await fleet.replica(), await fleet.replica()
    await one.tiers.put(entry())
    await two.find()
    await one.invalidations.withdraw(EVERYTHING, wait=False)
    await eventually(lambda: two.tiers.peek(entry().key) is None)


async def test_a_lost_message_costs_until_the_next_poll_and_no_more(fleet: Fleet) -> None:
    one, deaf = await fleet.replica(), await fleet.replica(lease=1, bell=DeafBell())
    await one.tiers.put(entry())
    await deaf.find()
    await one.invalidations.withdraw(EVERYTHING)
    # It has said that it has applied it: nobody waited for the end of its lease.
    alive = {each.id for each in await one.follower.replicas.behind(99)}
    assert alive == {one.follower.id, deaf.follower.id}
    assert deaf.tiers.withdrawals.position == 1
    assert deaf.tiers.peek(entry().key) is None


async def test_a_fetch_in_the_air_does_not_bring_back_what_was_withdrawn(fleet: Fleet) -> None:
    one, two = await fleet.replica(), await fleet.replica()
    began = two.tiers.withdrawals.position
    await one.invalidations.withdraw(Scope("item", "public", "medicine", "7"))
    late = entry(holds=holdings("x", [("7", "x")]), position=began)
    assert await two.tiers.put(late) == ("memory",)
    for replica in (one, two):
        assert await replica.find() is None


async def test_a_copy_in_the_shared_tier_from_before_a_withdrawal_is_a_miss_in_every_replica(
    fleet: Fleet,
) -> None:
    one = await fleet.replica()
    shared, copy = SharedTier("redis"), entry(position=0)
    behind = Tiers(
        [MemoryTier(1 << 20), shared], lambda *_: None, withdrawals=one.tiers.withdrawals
    )
    shared.kept[copy.key] = copy
    assert await behind.find(copy.key) is not None
    await one.invalidations.withdraw(Scope("pattern", "public", "other", "*"))
    assert await behind.find(copy.key) is not None
    await one.invalidations.withdraw(EVERYTHING)
    shared.kept[copy.key] = copy  # a promotion that came late
    assert await behind.find(copy.key) is None
    restarted = await fleet.replica()
    again = Tiers([shared], lambda *_: None, withdrawals=restarted.tiers.withdrawals)
    assert await again.find(copy.key) is None


@pytest.mark.parametrize("strict", [True, False])
async def test_who_cannot_reach_the_log_stops_serving_before_others_stop_waiting(
    fleet: Fleet, strict: bool
) -> None:
    one, lost = await fleet.replica(lease=0.4), await fleet.replica(lease=0.4, strict=strict)
    await one.tiers.put(entry())
    await lost.find()

    async def unreachable(position: int) -> News:
        raise TierError("cut off")

    lost.follower.log.since = unreachable  # type: ignore[method-assign]
    await one.invalidations.withdraw(EVERYTHING)
    assert (lost.tiers.peek(entry().key) is None) is strict
    assert await one.find() is None
    await lost.invalidations.catch_up()
    failures = [event for event in lost.seen if isinstance(event, TierFailed)]
    assert failures == [TierFailed("invalidations", "follow", "cut off")]


async def test_kept_answers_need_the_lease_and_the_databases_own_do_not(fleet: Fleet) -> None:
    replica = await fleet.replica(lease=5)
    clock = ManualClock()
    replica.clock = clock
    replica.tiers.withdrawals.until = clock() + 5
    await replica.tiers.put(entry())
    assert replica.tiers.peek(entry().key) is not None
    clock.advance(5)
    assert replica.tiers.peek(entry().key) is None
    found = await replica.tiers.find(entry().key)
    assert found is not None
    assert found.tier == "database"


async def test_a_dead_replica_is_waited_for_as_long_as_its_lease(fleet: Fleet) -> None:
    one = await fleet.replica(lease=0.4)
    await one.follower.replicas.join("dead")
    started = time.monotonic()
    await one.invalidations.withdraw(EVERYTHING)
    assert time.monotonic() - started >= 0.5
    assert [each.id for each in await one.follower.replicas.behind(99)] == [one.follower.id]


async def test_a_replica_that_was_taken_for_dead_joins_anew_and_has_missed_nothing(
    fleet: Fleet,
) -> None:
    one, two = await fleet.replica(), await fleet.replica(lease=0.4)
    await one.tiers.put(entry())
    await two.find()
    await one.database.database.change("DELETE FROM replicas WHERE id = ?", two.follower.id)
    await one.invalidations.withdraw(EVERYTHING)

    async def joined() -> bool:
        return two.follower.id in {each.id for each in await one.follower.replicas.behind(99)}

    await eventually(joined)
    assert two.tiers.peek(entry().key) is None


async def test_who_fell_behind_the_trim_empties_its_memory(fleet: Fleet) -> None:
    one, two = await fleet.replica(), await fleet.replica(bell=DeafBell(polls=False))
    await one.tiers.put(entry())
    await two.find()
    await one.database.database.change("DELETE FROM replicas WHERE id = ?", two.follower.id)
    for number in range(3):
        await one.invalidations.withdraw(Scope("tag", "public", value=str(number)))
    await one.follower.log.trim(keep=1)
    await two.invalidations.catch_up()
    assert two.tiers.peek(entry().key) is None
    assert two.tiers.withdrawals.position == 3
    assert await two.find() is not None  # the database knows that it stands


async def test_random_fills_and_withdrawals_never_show_anything_older_than_an_acknowledgement(
    fleet: Fleet,
) -> None:
    replicas = [await fleet.replica() for _ in range(3)]
    for seed in range(3):
        assert await Checker(replicas, seed).stale() == []


async def test_the_checker_finds_a_fill_without_a_fence(fleet: Fleet) -> None:
    replicas = [await fleet.replica() for _ in range(3)]
    assert await found_by_checker(replicas, fenced=False)


async def test_the_checker_finds_a_database_that_refuses_no_late_fill(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_entries, "_withdrawn", lambda *_: False)
    lax = postgres_fills._KEEP.replace("e.since >= fence.position", "e.since >= 0")
    monkeypatch.setattr(postgres_fills, "_KEEP", lax)
    replicas = [await fleet.replica() for _ in range(3)]
    assert await found_by_checker(replicas)


async def test_the_checker_finds_a_replica_that_does_not_apply_the_log(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicas = [await fleet.replica() for _ in range(3)]
    monkeypatch.setattr(
        replicas[0].tiers.withdrawals,
        "apply",
        lambda lines: setattr(replicas[0].tiers.withdrawals, "position", 1 << 40),
    )
    assert await found_by_checker(replicas)


async def test_the_checker_finds_who_is_acknowledged_too_early(fleet: Fleet) -> None:
    replicas = [await fleet.replica(bell=DeafBell()) for _ in range(3)]
    assert await found_by_checker(replicas, wait=False)


async def found_by_checker(replicas: list[Replica], **broken: bool) -> bool:
    for seed in range(50):
        if await Checker(replicas, seed, **broken).stale():
            return True
    return False


class Checker:
    """An upstream whose things change and are withdrawn then, and replicas that look them up."""

    def __init__(
        self, replicas: list[Replica], seed: int, *, fenced: bool = True, wait: bool = True
    ) -> None:
        self._replicas = replicas
        self._chance = random.Random(seed)
        self._fenced, self._wait = fenced, wait
        self._things = [10 * seed, 10 * seed + 1]
        self._version = dict.fromkeys(self._things, 0)
        self._acknowledged = dict.fromkeys(self._things, 0)
        self._changing = True
        self._in_the_air: list[int] = []
        self._stale: list[tuple[int, int, int]] = []

    async def stale(self) -> list[tuple[int, int, int]]:
        """Return each thing that was seen older than its last acknowledged change."""
        users = [self._use(replica) for replica in self._replicas * 2]
        await asyncio.gather(*users, self._change())
        return self._stale

    async def _use(self, replica: Replica) -> None:
        while self._changing:
            number = self._chance.choice(self._things)
            least = self._acknowledged[number]
            found = await replica.find(number)
            if found is None:
                await self._fill(replica, number)
            elif int(found.records.body) < least:
                self._stale.append((number, int(found.records.body), least))
            await asyncio.sleep(self._chance.random() / 200)

    async def _fill(self, replica: Replica, number: int) -> None:
        withdrawals = replica.tiers.withdrawals
        position, read = withdrawals.position, self._version[number]
        self._in_the_air.append(number)
        await asyncio.sleep(self._chance.random() / 20)
        self._in_the_air.remove(number)
        if not self._fenced:
            position = withdrawals.position
        await replica.tiers.put(entry(number, body=b"%d" % read, position=position))

    async def _change(self) -> None:
        for _ in range(6):
            # What is being fetched is the most interesting to change.
            number = self._chance.choice(self._in_the_air or self._things)
            self._version[number] = now = self._version[number] + 1
            key = Scope("key", "public", value=entry(number).key)
            replica = self._chance.choice(self._replicas)
            await replica.invalidations.withdraw(key, wait=self._wait)
            self._acknowledged[number] = now
            await asyncio.sleep(self._chance.random() / 100)
        await asyncio.sleep(0.02)
        self._changing = False
