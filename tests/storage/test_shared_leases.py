"""Leases whose keeper is away for a moment: nobody waits for a term because of that."""

from __future__ import annotations

import asyncio

import pytest

from storage.leases import Note
from storage.shared_leases import AGAIN, Answer, SharedLeases
from storage.tier import TierError
from tests.waiting import eventually


class Kept(SharedLeases):
    """Leases in memory; the next *failures* ends cannot be told, and none before *idle*."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures = failures
        self.told: list[str] = []
        self.tries = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def _acquire(self, key: str, token: str, *, insist: bool) -> Answer:
        return Answer(ours=True)

    async def _renew(self, key: str, token: str) -> None:
        """It is not lost."""

    async def _give_back(self, key: str, token: str, note: Note, linger: float) -> None:
        self.tries += 1
        await self.idle.wait()
        if self.failures:
            self.failures -= 1
            raise TierError("away")
        self.told.append(key)


async def work() -> str:
    return "made"


async def look(_note: str) -> str | None:
    return None


async def test_an_end_that_could_not_be_told_is_told_again_soon() -> None:
    leases = Kept(failures=2)
    assert await leases.once("k", work, look, lambda _: Note()) == "made"
    await eventually(lambda: leases.told)
    assert leases.told == ["k"]
    assert leases.failures == 0


async def test_closing_tries_once_more_and_does_not_wait_for_a_keeper_that_stays_away() -> None:
    leases = Kept(failures=100)
    await leases.once("k", work, look, lambda _: Note())
    await eventually(lambda: leases.tries == 1)
    await leases.close()
    assert leases.tries == 2  # it may be tried oftener while the gateway runs
    assert len(AGAIN) > leases.tries


async def test_closing_tells_what_is_being_told_to_a_keeper_that_is_busy() -> None:
    leases = Kept()
    leases.idle.clear()
    await leases.once("k", work, look, lambda _: Note())
    closing = asyncio.create_task(leases.close())
    # Longer than Redis takes: a statement of a database that has much to do.
    asyncio.get_running_loop().call_later(0.3, leases.idle.set)
    await closing
    assert leases.told == ["k"]


async def test_closing_does_not_wait_for_a_keeper_that_never_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("storage.shared_leases.LEAVING", 0.05)
    leases = Kept()
    leases.idle.clear()
    await leases.once("k", work, look, lambda _: Note())
    await leases.close()
    assert (leases.tries, leases.told, leases._out) == (1, [], set())
