"""No answer older than an acknowledged invalidation is served, whatever befalls the servers.

The checker is shown to find what it looks for: with the fence, the log's replay, the wait for
other replicas, the end of a replica's own lease, the leases of keys, the look at a silent log, the
look at what others' flights bring, or their fetches, the fence of late writes, or the position of
what a standby has broken on purpose, each run ends with a violation.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import uvloop

from gateway.flights import Flights
from gateway.invalidations import Invalidations
from gateway.refill import Refill
from gateway.refill.fetching import Fetch
from storage.database import DatabaseTier
from storage.entry_rows import Kept
from storage.invalidation import InvalidationLog
from storage.leases import Look, Noted, Result, Work
from storage.postgres_entries import PostgresEntries
from storage.shared_leases import SharedLeases
from storage.tier import TierError
from storage.tiers import Tiers
from storage.withdrawals import Withdrawals
from tests.coherence.checker import Report
from tests.coherence.replicas import as_processes
from tests.coherence.rounds import run
from tests.coherence.world import Plan, World
from tests.servers.postgres import Server, replica_of
from tests.servers.valkey import valkey


@pytest.fixture
def world(postgres_server: Server) -> Iterator[World]:
    with valkey() as server:  # it is emptied and killed: nobody else has this one
        yield World(server, postgres_server)


@pytest.fixture(scope="module")
def standby(postgres_server: Server) -> Iterator[Server]:
    with replica_of(postgres_server) as server:
        yield server


@pytest.fixture
def world_with_standby(postgres_server: Server, standby: Server) -> Iterator[World]:
    with valkey() as server:
        yield World(server, postgres_server, standby)


def done(world: World, folder: Path, plan: Plan) -> Report:
    """Do the rounds of *plan* in the loop that a gateway has: they take a quarter less."""
    return uvloop.run(run(world, folder, plan))


@pytest.mark.timeout(240)
def test_replicas_serve_nothing_that_was_withdrawn_whatever_befalls_the_servers(
    world: World, tmp_path: Path
) -> None:
    report = done(world, tmp_path, Plan(rounds=100, fleets=4, within=60))
    assert report.violations == []
    assert report.rounds >= 10  # a hundred, unless the machine has much else to do
    assert report.withdrawals > report.refused


@pytest.mark.timeout(300)  # interpreters start, perhaps beside other work
def test_processes_that_are_killed_and_stopped_serve_nothing_that_was_withdrawn(
    world_with_standby: World, tmp_path: Path
) -> None:
    plan = Plan(rounds=12, opening=as_processes, replicas=2, within=60)
    report = done(world_with_standby, tmp_path, plan)
    assert report.violations == []
    assert report.rounds >= 3
    assert report.withdrawals > report.refused


def broken(
    world: World, folder: Path, lease: float = 0.5, outlasting: float = 0.25, whose: str = ""
) -> str:
    plan = Plan(
        rounds=300,
        queries=1,
        slowest=0.1,
        doings=30,
        seconds=0.2,
        lease=lease,
        outlasting=outlasting,
        whose=whose,
        give_up=1,
        fleets=2,
    )
    report = done(world, folder, plan)
    assert report.violations, "the checker has found nothing"
    return report.violations[0]


@pytest.mark.timeout(150)
def test_a_broken_fence_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fill takes its position when its fetch ends, and not before it."""
    renewed = Refill._renewed

    async def late(self: Refill, *args, **options):  # type: ignore[no-untyped-def]
        entry, named = await renewed(self, *args, **options)
        now = self._tiers.withdrawals.position
        return msgspec.structs.replace(entry, position=now), named

    monkeypatch.setattr(Refill, "_renewed", late)
    assert "served generation" in broken(world, tmp_path)


@pytest.mark.timeout(150)
def test_a_late_write_behind_without_a_fence_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written behind an answer takes the position that the log has come to by then."""
    put_many = DatabaseTier.put_many

    async def late(self: DatabaseTier, entries):  # type: ignore[no-untyped-def]
        await asyncio.sleep(0.1)  # what is withdrawn comes before it
        now = await InvalidationLog(self.database).position()
        return await put_many(self, [msgspec.structs.replace(e, position=now) for e in entries])

    monkeypatch.setattr(DatabaseTier, "put_many", late)
    assert "served generation" in broken(world, tmp_path)


@pytest.mark.timeout(150)
def test_a_log_that_is_not_replayed_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that a replica has missed are passed over."""
    apply = Withdrawals.apply

    def careless(self: Withdrawals, news) -> None:  # type: ignore[no-untyped-def]
        lines = list(news)
        apply(self, lines[-1:])
        if len(lines) > 1:
            self._latest.clear()

    monkeypatch.setattr(Withdrawals, "apply", careless)
    assert "served generation" in broken(world, tmp_path)


@pytest.mark.timeout(150)
def test_silence_that_is_taken_for_no_news_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no doorbell rings, a replica says that it knows everything: a message was lost."""

    async def by_ear(self: Invalidations) -> None:
        while True:
            began = time.monotonic()
            await self._of.doorbell.wait(self._pace)
            if time.monotonic() - began >= self._pace:
                with suppress(TierError):
                    self._withdrawals.position = await self._of.log.position()
            await self.catch_up()

    monkeypatch.setattr(Invalidations, "_follow", by_ear)
    assert "served generation" in broken(world, tmp_path)


@pytest.mark.timeout(150)
def test_a_lease_that_is_over_and_not_heeded_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who cannot reach the log serves what it has, long after it is waited for."""
    monkeypatch.setattr(Withdrawals, "current", True)
    assert "served generation" in broken(world, tmp_path, outlasting=1.0)


@pytest.mark.timeout(150)
def test_an_acknowledgement_that_waits_for_nobody_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(_self: Invalidations, _position: int) -> None:
        """Take everybody's word for granted."""

    monkeypatch.setattr(Invalidations, "acknowledged", at_once)
    assert "served generation" in broken(world, tmp_path)


@pytest.mark.timeout(150)
def test_a_flight_that_brings_whoever_joins_it_what_it_has_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looks whether what they share was withdrawn before they came."""
    monkeypatch.setattr(Tiers, "serves", lambda *_: True)
    assert "served generation" in broken(world, tmp_path)


@pytest.mark.timeout(150)
def test_a_standby_that_is_taken_for_the_primary_is_found(
    world_with_standby: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a standby has is taken to stand up to where the primary's log is, and not its own."""

    async def find(self: PostgresEntries, keys: list[str]) -> Sequence[Kept]:
        (position,) = (await self._database.rows("SELECT position FROM invalidation_state"))[0]
        kept = await self._select(keys, 0)  # of the primary this would do
        return [Kept(kept[key].wire, position) for key in keys]

    monkeypatch.setattr(PostgresEntries, "_find", find)
    assert "served generation" in broken(world_with_standby, tmp_path, whose="standby")


@pytest.mark.timeout(150)
def test_a_fetch_that_is_shared_whenever_it_began_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flight takes what another fetches, though that began before a withdrawal and it after."""
    opened = Refill.__init__

    def careless(self: Refill, **parts: Any) -> None:
        opened(self, **parts)
        self._fetches = cast("Flights[Fetch]", SimpleNamespace(join=self._fetches.join, begun=-1))

    monkeypatch.setattr(Refill, "__init__", careless)
    assert "served generation" in broken(world, tmp_path)


@pytest.mark.timeout(150)
def test_leases_that_nobody_heeds_are_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def once(
        _self: SharedLeases, _key: str, work: Work[Result], _look: Look[Result], _noted: Noted
    ) -> Result:
        return await work()

    monkeypatch.setattr(SharedLeases, "once", once)
    # Calls are counted only where a crowd is answered well within the lease on memory.
    assert "upstream calls for generation" in broken(world, tmp_path, lease=1.5)
