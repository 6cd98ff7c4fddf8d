from __future__ import annotations

import asyncio

import pytest

from adapters.errors import Kind, UpstreamError
from gateway.flights import Landed
from gateway.standing import standing
from storage.entry import Entry, Part
from storage.memory import MemoryTier
from storage.tiers import Tiers


class Withdrawing(Tiers):
    """Tiers from which everything is withdrawn while *all_* is set."""

    def __init__(self) -> None:
        super().__init__([MemoryTier(1000)], lambda *_: None)
        self.all_ = True
        self.withdrawals.position = 5

    def withdrawn(self, entry: Entry) -> bool:
        del entry
        return self.all_


def landed(position: int) -> Landed[Entry]:
    entry = Entry("k", "s", b"", Part(b"", 0.0), None, False, 0.0, position=position)
    return Landed(entry, collapsed=False)


async def test_what_was_withdrawn_under_way_is_fetched_anew_within_the_callers_one_time() -> None:
    tiers, told = Withdrawing(), list[float]()

    async def join(within: float) -> Landed[Entry]:
        told.append(within)
        await asyncio.sleep(0.01)
        if within <= 0:
            raise UpstreamError(Kind.TIMEOUT, "no answer within the caller's time")
        return landed(position=4)

    with pytest.raises(UpstreamError):
        await standing(join, 0.05, tiers)
    assert told == sorted(told, reverse=True)
    assert told[0] <= 0.05
    assert told[-1] <= 0


async def test_what_was_fetched_after_the_caller_came_stands() -> None:
    tiers = Withdrawing()

    async def join(within: float) -> Landed[Entry]:
        return landed(position=5)

    assert (await standing(join, 1, tiers)).value.position == 5
