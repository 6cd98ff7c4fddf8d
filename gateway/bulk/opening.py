"""What is done in bulk and on schedules, opened; who serves has it running."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.http import open_session
from gateway.bulk.answers import Answers, Desk
from gateway.bulk.batches import Batches
from gateway.bulk.later import Later, Never
from gateway.bulk.pace import Paced, Unpaced
from gateway.bulk.provided import Provided, Shelves
from gateway.bulk.running import working
from gateway.bulk.work import Work
from gateway.config import Config, ConfigError, Fault
from gateway.events import Events
from gateway.purging import purging
from gateway.resolver import Resolver
from gateway.route import Route
from gateway.watches.watcher import Watcher
from gateway.watches.watches import Watches
from gateway.watches.webhooks import Webhooks
from storage.batches import BatchStore
from storage.provider_batches import ProviderBatchStore
from storage.sql import Database
from storage.watches import WatchStore

if TYPE_CHECKING:
    from gateway.bulk.jobs import Jobs


MARGIN = 5.0
"""Seconds of a writing beside the model's two tries."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """Batches and watches, and who does them."""

    batches: Batches
    work: Work
    watches: Watches
    watcher: Watcher
    events: Events
    clock: Callable[[], float]
    database: str
    """The URL."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do what is to be done, within the context, as far as it is this process's to do."""
        store, keep = self.batches.store, self.batches.spec.keep
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.work.later.close)
            purges = (lambda now: store.purge(now - keep),)
            await stack.enter_async_context(purging(purges, self.clock))
            if self.batches.spec.run_by == "serve":
                await stack.enter_async_context(working(self.batches, self.work, self.events))
            else:
                self.batches.queue = await stack.enter_async_context(self.jobs())
            spec = self.watches.spec
            session = open_session(allow_private=spec.allow_private, connections=10)
            await stack.enter_async_context(session)
            calls = Webhooks(self.watches.store, spec, session, self.clock)
            due = (self.watcher.look_at_due, calls.make_due)
            await stack.enter_async_context(self.watches.running(self.events, *due))
            yield

    @asynccontextmanager
    async def jobs(self) -> AsyncIterator[Jobs]:
        """Yield what workers are told of batches by; raise `ConfigError` or `TierError`."""
        if not self.database.startswith("postgresql"):
            wanted = "workers need PostgreSQL: database.url names another database"
            raise ConfigError((Fault("batches.run_by", wanted),))
        # procrastinate and psycopg take 15 MB: only who configures workers pays for them.
        from gateway.bulk.jobs import open_jobs  # noqa: PLC0415

        async with open_jobs(self.database, self.batches, self.work) as jobs:
            try:
                yield jobs
            finally:
                await self.work.later.close()


def open_bulk(
    config: Config,
    database: Database,
    resolver: Resolver,
    *,
    routes: Mapping[str, Route],
    events: Events,
    clock: Callable[[], float],
    desk: Desk | None = None,
) -> Bulk:
    """Return what is opened over *database*; nothing runs yet.

    With a *desk* the summaries of patient batches are written by the model's provider.
    """
    batches = Batches(BatchStore(database), config.batches, clock=clock)
    later: Later = Never()
    if desk is not None:
        later = _provided(config, ProviderBatchStore(database), batches, desk)
    work = Work(
        resolver=resolver,
        routes=routes,
        store=batches.store,
        spec=config.batches,
        told=batches.tell,
        pace=Paced() if config.batches.run_by == "serve" else Unpaced(),
        clock=clock,
        later=later,
    )
    watches = Watches(WatchStore(database), config.watches, clock)
    watcher = Watcher(
        store=watches.store,
        spec=config.watches,
        resolver=resolver,
        routes=routes,
        events=events,
        clock=clock,
    )
    return Bulk(batches, work, watches, watcher, events, clock, config.database.url)


def _provided(config: Config, store: ProviderBatchStore, batches: Batches, desk: Desk) -> Provided:
    answers = Answers(
        desk,
        batches.store,
        seconds=2 * config.llm.longest + MARGIN,
        concurrency=config.batches.concurrency,
        told=batches.tell,
    )
    shelves = Shelves(batches.store, store)
    poll = config.batches.poll
    return Provided(desk.post, shelves, answers, events=desk.events, clock=batches.clock, poll=poll)
