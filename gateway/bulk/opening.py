"""What is done in bulk and on schedules, opened; who serves has it running."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.http import open_session
from gateway.bulk.batches import Batches
from gateway.bulk.pace import Paced, Unpaced
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
from storage.sql import Database
from storage.watches import WatchStore

if TYPE_CHECKING:
    from gateway.bulk.jobs import Jobs


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
            yield jobs


def open_bulk(
    config: Config,
    database: Database,
    resolver: Resolver,
    *,
    routes: Mapping[str, Route],
    events: Events,
    clock: Callable[[], float],
) -> Bulk:
    """Return what is opened over *database*; nothing runs yet."""
    batches = Batches(BatchStore(database), config.batches, clock=clock)
    work = Work(
        resolver=resolver,
        routes=routes,
        store=batches.store,
        spec=config.batches,
        told=batches.tell,
        pace=Paced() if config.batches.run_by == "serve" else Unpaced(),
        clock=clock,
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
