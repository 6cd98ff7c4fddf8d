"""Money's parts as one: the ledger that adds up, and the till that asks it for room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from gateway.config import Config
from gateway.events import Events
from gateway.route import Route
from gateway.spend.budgets import Budgets
from gateway.spend.ledger import Ledger
from gateway.spend.prices import NANOS, batch_prices
from gateway.spend.till import Till
from gateway.spend.unread import Unread
from storage.memory import MemoryTier
from storage.spend import SpendStore


@dataclass(frozen=True, slots=True)
class Money:
    """What knows of money."""

    ledger: Ledger
    till: Till
    budgets: Budgets
    embedder: str = ""
    """The model that tells near-duplicates: its calls write no summary. Empty: there is none."""


async def open_money(
    stack: AsyncExitStack,
    config: Config,
    store: SpendStore,
    events: Events,
    clock: Callable[[], float],
    *,
    batched: bool = False,
) -> Money:
    """Read what was spent today, and add up from now until *stack* is closed.

    Where models are asked by batches (*batched*), they cost what that takes.
    """
    call_prices = {
        name: round(section.limits.price * NANOS) for name, section in config.sources.items()
    }
    ledger = Ledger(store, call_prices=call_prices, events=events, clock=clock)
    await stack.enter_async_context(ledger.running())
    ledger.listen(events)
    budgets = Budgets(config.budgets, spent=ledger.spent, today=ledger.today, events=events)
    prices = batch_prices(config.llm.prices) if batched else config.llm.prices
    spec = config.llm.embeddings
    till = Till(prices, budgets, events)
    return Money(ledger, till, budgets, "" if spec is None else spec.model)


async def open_unread(
    stack: AsyncExitStack, routes: Mapping[str, Route], memory: MemoryTier, events: Events
) -> None:
    """Tell, until *stack* is closed, of summaries that leave *memory*, and are lost, unread."""
    sources = [name for name, route in routes.items() if route.store == "memory_only"]
    if sources:
        unread = Unread(sources, memory.has, events)
        events.subscribe(unread, *unread.kinds)
        await stack.enter_async_context(unread.running())
