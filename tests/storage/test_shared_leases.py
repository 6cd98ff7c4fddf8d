"""Leases whose keeper is away for a moment: nobody waits for a term because of that."""

from __future__ import annotations

from storage.leases import Note
from storage.shared_leases import AGAIN, Answer, SharedLeases
from storage.tier import TierError
from tests.waiting import eventually


class Kept(SharedLeases):
    """Leases in memory; the next *failures* ends cannot be told."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures
        self.told: list[str] = []

    async def _acquire(self, key: str, token: str, *, insist: bool) -> Answer:
        return Answer(ours=True)

    async def _renew(self, key: str, token: str) -> None:
        """It is not lost."""

    async def _give_back(self, key: str, token: str, note: Note, linger: float) -> None:
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


async def test_closing_does_not_wait_for_a_keeper_that_stays_away() -> None:
    leases = Kept(failures=100)
    await leases.once("k", work, look, lambda _: Note())
    await leases.close()
    assert leases.failures > 100 - len(AGAIN)  # it has not been tried as often as it may be
