from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from adapters.errors import SummaryError
from adapters.llm.lost_calls import lose
from adapters.summarizers.base import Brief, Draft, Summarizer, Usage
from gateway.events import Event, Events, SummaryWasted
from gateway.lookup import Lookup
from gateway.spend.budgets import Budgets, BudgetsSpec
from gateway.spend.prices import NANOS, PriceSpec
from gateway.spend.till import Till
from storage.entry import Bill

LOOKUP = Lookup("s", "q", tenant="app")
BRIEF = Brief(query="q", records=({"id": "1", "name": "아스피린"},), language="en")
PRICE = PriceSpec(input=1.0, output=2.0)
DRAFT = Draft("text", "openai:m", usage=Usage(100, 0, 10))
SPENT = 120 * 1000
"""What `DRAFT` costs, in billionths."""


@dataclass
class Writer(Summarizer):
    outcome: Draft | SummaryError = DRAFT
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    name: str = "openai:m"
    version: str = "1"
    calls: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def summarize(self, brief: Brief) -> Draft:
        self.calls += 1
        await self.gate.wait()
        if isinstance(self.outcome, SummaryError):
            raise self.outcome
        return self.outcome


class Shop:
    def __init__(self, dollars: float | None = 1.0, **prices: PriceSpec) -> None:
        self.seen: list[Event] = []
        events = Events(self.seen.append)
        self.budgets = Budgets(
            BudgetsSpec(day=dollars), spent=lambda _: 0, today=lambda: "today", events=events
        )
        self.till = Till(prices or {"m": PRICE}, self.budgets, events)


async def test_a_draft_passes_through_with_its_bill() -> None:
    shop = Shop()
    draft = await shop.till.draft(LOOKUP, Writer(), BRIEF)
    assert shop.till.bill(draft) == Bill("m", 100, 0, 10, SPENT / NANOS)
    assert shop.seen == []
    assert shop.budgets.used("day") == 0


async def test_while_a_call_is_in_the_air_its_estimate_is_held() -> None:
    shop, writer = Shop(), Writer()
    writer.gate.clear()
    call = asyncio.create_task(shop.till.draft(LOOKUP, writer, BRIEF))
    while not writer.calls:
        await asyncio.sleep(0)
    assert shop.budgets.used("day") == shop.till.estimate("openai:m", BRIEF) > SPENT
    writer.gate.set()
    await call
    assert shop.budgets.used("day") == 0


async def test_without_room_the_model_is_not_asked() -> None:
    shop, writer = Shop(dollars=0.0001), Writer()
    with pytest.raises(SummaryError) as caught:
        await shop.till.draft(LOOKUP, writer, BRIEF)
    assert (caught.value.reason, writer.calls) == ("budget", 0)


async def test_the_extractive_summary_costs_nothing_and_needs_no_room() -> None:
    shop = Shop(dollars=0)
    writer = Writer(Draft("text", "extractive"), name="extractive")
    draft = await shop.till.draft(LOOKUP, writer, BRIEF)
    assert shop.till.bill(draft) is None


@pytest.mark.parametrize("reason", ["truncated", "refused", "malformed"])
async def test_a_call_that_failed_after_it_was_paid_for_is_told_as_wasted(reason: str) -> None:
    shop = Shop()
    error = SummaryError(reason, "no", usage=Usage(100, 0, 10))
    with pytest.raises(SummaryError):
        await shop.till.draft(LOOKUP, Writer(error), BRIEF)
    assert shop.seen == [
        SummaryWasted("s", LOOKUP.key, "m", reason, 100, 10, 0, SPENT / NANOS, tenant="app")
    ]
    assert shop.budgets.used("day") == 0


async def test_what_a_call_that_timed_out_cost_is_unknown_and_stays_held() -> None:
    shop = Shop()
    with pytest.raises(SummaryError):
        await shop.till.draft(LOOKUP, Writer(SummaryError("timeout", "slow")), BRIEF)
    assert shop.seen == [
        SummaryWasted("s", LOOKUP.key, "m", "timeout", None, None, None, None, tenant="app")
    ]
    assert shop.budgets.used("day") == shop.till.estimate("openai:m", BRIEF)


@pytest.mark.parametrize("reason", ["unavailable", "rate_limited", "circuit_open", "rejected"])
async def test_a_call_that_was_turned_away_costs_nothing(reason: str) -> None:
    shop = Shop()
    with pytest.raises(SummaryError):
        await shop.till.draft(LOOKUP, Writer(SummaryError(reason, "no")), BRIEF)
    assert (shop.seen, shop.budgets.used("day")) == ([], 0)


async def test_a_call_that_was_cancelled_is_told_and_stays_held() -> None:
    shop, writer = Shop(), Writer()
    writer.gate.clear()
    call = asyncio.create_task(shop.till.draft(LOOKUP, writer, BRIEF))
    while not writer.calls:
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    assert shop.seen == [
        SummaryWasted("s", LOOKUP.key, "m", "cancelled", None, None, None, None, tenant="app")
    ]
    assert shop.budgets.used("day") == shop.till.estimate("openai:m", BRIEF)


async def test_what_other_models_took_before_one_answered_is_told_as_wasted() -> None:
    class Chain(Writer):
        async def summarize(self, brief: Brief) -> Draft:
            lose("one", SummaryError("refused", "no", usage=Usage(100, 0, 10)))
            lose("one", SummaryError("unavailable", "down"))
            lose("two", None)
            return await super().summarize(brief)

    shop = Shop(m=PRICE, one=PRICE, two=PRICE)
    await shop.till.draft(LOOKUP, Chain(), BRIEF)
    assert shop.seen == [
        SummaryWasted("s", LOOKUP.key, "one", "refused", 100, 10, 0, SPENT / NANOS, tenant="app"),
        SummaryWasted("s", LOOKUP.key, "two", "cancelled", None, None, None, None, tenant="app"),
    ]
    assert shop.budgets.used("day") == shop.till.estimate("openai:m", BRIEF)


async def test_an_error_that_was_heard_where_it_was_made_is_told_once() -> None:
    error = SummaryError("truncated", "cut", usage=Usage(100, 0, 10))

    class Chain(Writer):
        async def summarize(self, brief: Brief) -> Draft:
            lose("one", error)
            raise error

    shop = Shop(one=PRICE)
    with pytest.raises(SummaryError):
        await shop.till.draft(LOOKUP, Chain(), BRIEF)
    assert [event.model for event in shop.seen if isinstance(event, SummaryWasted)] == ["one"]
    assert shop.budgets.used("day") == 0


async def test_an_answer_without_usage_is_of_unknown_cost_and_stays_held() -> None:
    shop = Shop()
    draft = await shop.till.draft(LOOKUP, Writer(Draft("text", "openai:m")), BRIEF)
    assert shop.till.bill(draft) == Bill("m")
    assert shop.budgets.used("day") == shop.till.estimate("openai:m", BRIEF)


def test_an_unpriced_model_is_estimated_as_the_dearest_and_more_records_cost_more() -> None:
    shop = Shop(cheap=PRICE, dear=PriceSpec(input=9, output=9))
    assert shop.till.estimate("openai:x", BRIEF) == shop.till.estimate("openai:dear", BRIEF)
    long = Brief(query="q", records=({"id": "1", "use": "a" * 3000},), language="en")
    more = shop.till.estimate("openai:cheap", long) - shop.till.estimate("openai:cheap", BRIEF)
    assert 900_000 < more < 1_100_000
