"""What embeddings cost is held, told, added up and bounded as what chats cost is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from adapters.errors import SummaryError
from adapters.llm.embeddings import Embedding
from adapters.source import Priority
from adapters.summarizers.base import Usage
from gateway.events import BudgetExhausted, Embedded, Event, Events
from gateway.lookup import Lookup
from gateway.spend.budgets import Budgets, BudgetsSpec
from gateway.spend.embedding import PaidEmbedder
from gateway.spend.prices import NANOS, PriceSpec

LOOKUP = Lookup("s", "q", tenant="app")
PRICE = PriceSpec(input=1.0, output=0.0)
FREE = PriceSpec(input=0.0, output=0.0)
TEXT = "x" * 300
SPENT = 50 * 1000
"""What 50 tokens cost, in billionths."""


@dataclass
class Scripted:
    outcome: Embedding | SummaryError = field(default_factory=lambda: Embedding([1.0], 50))
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    model: str = "e"
    calls: int = 0

    async def embed(self, text: str) -> Embedding:
        self.calls += 1
        await self.gate.wait()
        if isinstance(self.outcome, SummaryError):
            raise self.outcome
        return self.outcome


class Shop:
    def __init__(self, price: PriceSpec | None = PRICE, dollars: float = 1.0) -> None:
        self.seen: list[Event] = []
        events = Events(self.seen.append)
        spec = BudgetsSpec(day=dollars)
        self.budgets = Budgets(spec, spent=lambda _: 0, today=lambda: "today", events=events)
        self.scripted = Scripted()
        self.scripted.gate.set()
        self.embedder = PaidEmbedder(self.scripted, price, self.budgets, events)

    def embed(self, priority: Priority = Priority.CALLER) -> asyncio.Task[object]:
        return asyncio.create_task(self._embed(priority))

    async def _embed(self, priority: Priority) -> object:
        return await self.embedder.embed(LOOKUP, priority, TEXT)

    def told(self) -> list[tuple[int | None, float | None, str]]:
        events = [event for event in self.seen if isinstance(event, Embedded)]
        assert all(event.tenant == "app" for event in events)
        return [(event.prompt_tokens, event.usd, event.reason) for event in events]


async def test_a_vector_comes_with_its_price_told() -> None:
    shop = Shop()
    assert await shop.embed() == [1.0]
    assert shop.told() == [(50, SPENT / NANOS, "")]
    assert shop.budgets.used("day") == 0


async def test_while_a_text_is_out_its_estimate_is_held() -> None:
    shop = Shop()
    shop.scripted.gate.clear()
    call = shop.embed()
    while not shop.scripted.calls:
        await asyncio.sleep(0)
    assert shop.budgets.used("day") == (300 // 3 + 1) * 1000
    shop.scripted.gate.set()
    await call
    assert shop.budgets.used("day") == 0


async def test_without_room_nothing_is_asked_and_bulk_work_is_refused_first() -> None:
    shop = Shop(dollars=0.00015)
    with pytest.raises(SummaryError) as caught:
        await shop.embed(Priority.BULK)
    assert (caught.value.reason, shop.scripted.calls) == ("budget", 0)
    assert shop.seen == [BudgetExhausted("day", "bulk")]
    assert await shop.embed() == [1.0]


@pytest.mark.parametrize(("price", "tokens"), [(None, 50), (PRICE, None)])
async def test_an_unknown_cost_stays_held(price: PriceSpec | None, tokens: int | None) -> None:
    shop = Shop(price)
    shop.scripted.outcome = Embedding([1.0], tokens)
    await shop.embed()
    assert shop.told() == [(tokens, None, "")]
    assert shop.budgets.used("day") == (0 if price is None else 101_000)


async def test_a_local_model_costs_nothing_whatever_it_tells() -> None:
    shop = Shop(FREE)
    shop.scripted.outcome = Embedding([1.0], None)
    await shop.embed()
    assert shop.told() == [(None, 0.0, "")]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SummaryError("unavailable", ""), []),
        (SummaryError("timeout", ""), [(None, None, "timeout")]),
        (
            SummaryError("malformed", "", usage=Usage(50, None, 0)),
            [(50, SPENT / NANOS, "malformed")],
        ),
    ],
)
async def test_what_brought_nothing_is_told_where_it_may_have_been_paid(
    error: SummaryError, told: list[object]
) -> None:
    shop = Shop()
    shop.scripted.outcome = error
    with pytest.raises(SummaryError):
        await shop.embed()
    assert shop.told() == told


async def test_a_call_that_is_cancelled_may_have_been_paid() -> None:
    shop = Shop()
    shop.scripted.gate.clear()
    call = shop.embed()
    while not shop.scripted.calls:
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert shop.told() == [(None, None, "cancelled")]
    assert shop.budgets.used("day") == 101_000
