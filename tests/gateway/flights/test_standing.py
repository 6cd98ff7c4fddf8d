from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from adapters.errors import Kind, UpstreamError
from gateway.flights.landed import Landed
from gateway.flights.standing import flight_key, renewal_key, standing
from gateway.lookup import Lookup
from storage.entry import Entry, Part
from storage.memory import MemoryTier
from storage.tiers import Tiers
from storage.withdrawals import NEVER
from tests.gateway.world import ScriptedSummarizer, World


class Withdrawing(Tiers):
    """Tiers from which everything is withdrawn while *all_* is set."""

    def __init__(self) -> None:
        super().__init__([MemoryTier(1000)], lambda *_: None)
        self.all_ = True
        self.withdrawals.position = 5

    def withdrawn(self, entry: Entry) -> bool:
        del entry
        return self.all_


def landed(position: int, number: int = 0) -> Landed[Entry]:
    entry = Entry("k", "s", b"", Part(b"", 0.0), None, False, 0.0, position=position)
    return Landed(entry, collapsed=True, number=number)


async def test_what_was_withdrawn_under_way_is_fetched_anew_within_the_callers_one_time() -> None:
    tiers, told = Withdrawing(), list[float]()

    async def join(within: float) -> Landed[Entry]:
        told.append(within)
        await asyncio.sleep(0.01)
        if within <= 0:
            raise UpstreamError(Kind.TIMEOUT, "no answer within the caller's time")
        return landed(position=4)

    with pytest.raises(UpstreamError):
        await standing(join, 0.05, tiers, 0)
    assert told == sorted(told, reverse=True)
    assert told[0] <= 0.05
    assert told[-1] <= 0


async def test_what_was_fetched_after_the_caller_came_stands() -> None:
    tiers = Withdrawing()

    async def join(within: float) -> Landed[Entry]:
        return landed(position=5)

    assert (await standing(join, 1, tiers, 0)).value.position == 5


async def test_where_nobody_can_tell_what_was_withdrawn_only_a_later_flight_will_do() -> None:
    tiers, numbers = Withdrawing(), iter((7, 7, 8))
    tiers.all_ = False
    tiers.withdrawals.until = 0.0  # the others have stopped waiting for this process

    async def join(within: float) -> Landed[Entry]:
        del within
        return landed(position=5, number=next(numbers))

    assert (await standing(join, 1, tiers, 7)).number == 8
    tiers.withdrawals.until = NEVER
    numbers = iter((7,))
    assert (await standing(join, 1, tiers, 7)).number == 7


def test_lookups_fly_apart_where_what_one_is_content_with_will_not_do_for_another() -> None:
    lookup = Lookup("medicine", "타이레놀")
    route = World().route
    summarized = replace(route, summarizer=ScriptedSummarizer())
    bare = replace(route, summarizer=None)
    assert flight_key(lookup, True) == lookup.key
    assert flight_key(lookup, False) != lookup.key
    # A renewal fetches: it takes nothing that is kept, and no flight that does.
    keys = {flight_key(lookup, each) for each in (True, False)}
    renewals = {renewal_key(lookup, summarized, each) for each in (True, False)}
    assert len(keys | renewals) == 4
    # Where each flight fetches, one will do for both.
    assert {renewal_key(lookup, bare, each) for each in (True, False)} == keys
