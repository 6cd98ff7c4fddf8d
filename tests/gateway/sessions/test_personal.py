from __future__ import annotations

from collections import deque
from typing import Literal

import pytest

from adapters.errors import SummaryError
from gateway.answer import Answer
from gateway.freshness import SUMMARY_RETRY
from gateway.lookup import Lookup
from gateway.sessions.personal import PersonalResolver
from tests.gateway.world import World


class Personal(World):
    def __init__(self, store: Literal["permanent", "memory_only", "never"] = "permanent") -> None:
        super().__init__(store=store)
        self.personal = PersonalResolver(self.resolver, self.refill, self.clock)

    async def ask(self, *history: str, want_summary: bool = True) -> Answer:
        lookup = Lookup("medicine", "타이레놀", language="ko", history=history)
        return await self.personal.resolve(lookup, self.route, want_summary=want_summary)


async def test_a_history_shapes_the_summary_and_nothing_that_others_are_given() -> None:
    world = Personal()
    plain = await world.ask()
    shaped = await world.ask("와파린")
    assert [brief.history for brief in world.summarizer.briefs] == [(), ("와파린",)]
    assert world.source.calls == 1
    assert shaped.entry.records == plain.entry.records
    assert (await world.ask()).entry.summary == plain.entry.summary
    assert world.tiers.peek(shaped.entry.key) == plain.entry


async def test_a_shaped_summary_is_paid_for_once_also_after_a_restart() -> None:
    world = Personal()
    first = await world.ask("와파린")
    assert (await world.ask("와파린")).entry == first.entry
    world.personal = PersonalResolver(world.resolver, world.refill, world.clock)
    assert (await world.ask("와파린")).entry.summary == first.entry.summary
    assert len(world.summarizer.briefs) == 1


async def test_changed_records_get_a_new_one() -> None:
    world = Personal()
    await world.ask("와파린")
    world.source.records = ({"id": "1", "name": "타이레놀", "purpose": "발열에 사용합니다."},)
    world.summarizer.text = "발열에 사용합니다."
    world.clock.advance(1000)
    shaped = await world.ask("와파린")
    assert shaped.entry.summary is not None
    assert "발열" in shaped.entry.summary.body.decode()


async def test_a_model_that_is_down_leaves_the_records_and_is_not_asked_at_once_again() -> None:
    world = Personal()
    world.summarizer.errors = deque([SummaryError("unavailable", "down")])
    assert (await world.ask("와파린")).degraded == ("summary",)
    assert (await world.ask("와파린")).degraded == ("summary",)
    assert len(world.summarizer.briefs) == 1
    world.clock.advance(SUMMARY_RETRY)
    assert (await world.ask("와파린")).degraded == ()


@pytest.mark.parametrize(("store", "calls"), [("never", 2), ("memory_only", 1)])
async def test_what_may_not_be_kept_is_not_kept_here_either(
    store: Literal["never", "memory_only"], calls: int
) -> None:
    world = Personal(store)
    await world.ask("와파린")
    await world.ask("와파린")
    assert len(world.summarizer.briefs) == calls


async def test_who_wants_no_summary_pays_for_none() -> None:
    world = Personal()
    assert (await world.ask("와파린", want_summary=False)).entry.summary is None
    assert not world.summarizer.briefs
