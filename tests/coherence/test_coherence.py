"""No answer older than an acknowledged invalidation is served, whatever befalls the servers.

The checker is shown to find what it looks for: with the fence, the log's replay, the wait for
other replicas, or the leases broken on purpose, each run ends with a violation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.invalidations import Invalidations
from storage.leases import Look, Noted, Result, Work
from storage.shared_leases import SharedLeases
from storage.tiers import Tiers
from storage.withdrawals import Withdrawals
from tests.coherence.world import Plan, World, run
from tests.servers.postgres import Server
from tests.servers.valkey import valkey

ROUNDS, SECONDS = 300, 10.0
"""Whichever is reached first; a loaded machine does fewer rounds."""


@pytest.fixture
async def world(postgres_server: Server) -> AsyncIterator[World]:
    url = await postgres_server.new_database()
    with valkey() as server:  # it is emptied and killed: nobody else has this one
        yield World(server, postgres_server, url)
    await postgres_server.drop_database(url)


@pytest.mark.timeout(150)
async def test_replicas_serve_nothing_that_was_withdrawn_whatever_befalls_the_servers(
    world: World, tmp_path: Path
) -> None:
    report = await run(world, tmp_path, Plan(ROUNDS, within=SECONDS))
    assert report.violations == []
    assert report.rounds >= 10
    assert report.withdrawals > report.refused


async def broken(world: World, folder: Path) -> str:
    plan = Plan(300, queries=1, slowest=0.1, doings=30, seconds=0.2, give_up=1)
    report = await run(world, folder, plan)
    assert report.violations, "the checker has found nothing"
    return report.violations[0]


async def test_a_broken_fence_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fill takes its position when it ends, and not before its fetch."""
    put = Tiers.put

    async def late(self: Tiers, entry, *, memory_only=False):  # type: ignore[no-untyped-def]
        entry = msgspec.structs.replace(entry, position=self.withdrawals.position)
        return await put(self, entry, memory_only=memory_only)

    monkeypatch.setattr(Tiers, "put", late)
    assert "served generation" in await broken(world, tmp_path)


async def test_a_log_that_is_not_replayed_is_found(
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
    assert "served generation" in await broken(world, tmp_path)


async def test_an_acknowledgement_that_waits_for_nobody_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(_self: Invalidations, _position: int) -> None:
        """Take everybody's word for granted."""

    monkeypatch.setattr(Invalidations, "acknowledged", at_once)
    assert await broken(world, tmp_path)


async def test_leases_that_nobody_heeds_are_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def once(
        _self: SharedLeases, _key: str, work: Work[Result], _look: Look[Result], _noted: Noted
    ) -> Result:
        return await work()

    monkeypatch.setattr(SharedLeases, "once", once)
    assert "upstream calls for generation" in await broken(world, tmp_path)
