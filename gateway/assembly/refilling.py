"""What flights do, and what it needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from adapters.summarizers.extractive import Extractive
from gateway.assembly.storage import Storage
from gateway.config import Config
from gateway.events import Events
from gateway.flights import Flights
from gateway.purging import Purge, purging
from gateway.refill import Refill
from gateway.refill.fetching import Fetch
from gateway.sessions import KEPT
from gateway.similar import SimilarAnswers
from gateway.spend.budgets import Budgets
from gateway.spend.till import Till
from gateway.summaries import Summaries
from gateway.summaries.opening import open_duplicates
from storage.entry import Part
from storage.popularity import PopularityStore
from storage.sessions import SessionStore
from storage.summaries import SummaryStore
from storage.summary_inputs import SummaryInputs

GRACE = 30.0
"""Seconds that flights have to land when the gateway closes."""


async def open_refill(
    config: Config,
    stack: AsyncExitStack,
    events: Events,
    clock: Callable[[], float],
    *,
    storage: Storage,
    till: Till,
    budgets: Budgets,
    deadline: float,
) -> Refill:
    """Make what flights do; the flights within are closed after those that wait for them."""
    store, inputs = storage.database.summaries, SummaryInputs(storage.sql)
    await stack.enter_async_context(purging(_purges(storage, store, inputs), clock))
    queries = SimilarAnswers(storage.names, storage.tiers, events, clock)
    stack.push_async_callback(queries.settled)
    writings: Flights[Part | None] = Flights(deadline, spec=config.flights)
    fetches: Flights[Fetch] = Flights(deadline, spec=config.flights)
    summaries = Summaries(
        store=store,
        writings=writings,
        extractive=Extractive(),
        till=till,
        events=events,
        clock=clock,
        duplicates=open_duplicates(stack, config.llm, inputs, budgets, events),
    )
    stack.push_async_callback(summaries.close)
    stack.push_async_callback(writings.close, GRACE)
    stack.push_async_callback(fetches.close, GRACE)
    return Refill(
        tiers=storage.tiers,
        summaries=summaries,
        names=storage.names,
        fetches=fetches,
        queries=queries,
        leases=storage.leases,
        events=events,
        clock=clock,
    )


def _purges(storage: Storage, store: SummaryStore, inputs: SummaryInputs) -> tuple[Purge, ...]:
    sessions = SessionStore(storage.sql)
    return (
        storage.database.purge,
        store.purge,
        inputs.purge,
        PopularityStore(storage.sql).purge,
        lambda now: sessions.purge(now - KEPT),
    )
