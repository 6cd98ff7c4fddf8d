"""What operators see, as one: what listens, what is measured, and where to look."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from gateway.config import Config
from gateway.events import Events, Responded, Served
from gateway.journey import STEPS, follow
from gateway.metrics.counts import Counts
from gateway.metrics.names import names_in
from gateway.profiling.loop_lag import LoopLag
from gateway.profiling.sampler import Sampler
from gateway.profiling.slowest import Slowest
from gateway.profiling.statements import SlowStatement, Statements
from gateway.tracing.opening import NoTracing, Tracing, open_tracing
from storage.database import DatabaseTier
from storage.observation import Observable, PoolState
from storage.tier import Tier


class Observing:
    """Listens to events and stores from when it is made."""

    def __init__(self, config: Config, clock: Callable[[], float]) -> None:
        self.counts = Counts(names_in(config))
        self.statements = Statements(config.profiling.slow_query, clock)
        self.slowest = Slowest(clock)
        self.lag = LoopLag()
        self.sampler = Sampler()
        self.tracing: Tracing = NoTracing()
        self._stores: list[Observable] = []
        self._database: DatabaseTier | None = None

    def of(self, database: DatabaseTier, *others: Tier) -> Observing:
        """Measure *database*, and those of *others* that can be measured, from now on."""
        self._database = database
        self._stores = [tier for tier in (database, *others) if isinstance(tier, Observable)]
        for store in self._stores:
            store.observe(self.statements)
        return self

    def pools(self) -> dict[str, PoolState]:
        """Return the state of every pool by the name of its server."""
        return {name: pool for store in self._stores for name, pool in store.pools().items()}

    def queued(self) -> dict[str, int]:
        """Return how many jobs wait for each thread of the database."""
        return {} if self._database is None else self._database.queued()

    def replicas(self) -> dict[str, bool]:
        """Return whether each replica of the database keeps up."""
        reads = None if self._database is None else self._database.reads
        if reads is None:
            return {}
        return {server.name: server.name in reads.rotation for server in reads.servers}

    async def slow_statements(self) -> list[SlowStatement]:
        """Return the slow statements, the slowest first, with their plans."""
        if self._database is None:
            return self.statements.slow()
        return await self.statements.explained(self._database.database)


def open_observing(
    stack: AsyncExitStack, config: Config, events: Events, clock: Callable[[], float]
) -> Observing:
    """Listen to *events*, and measure until *stack* is closed."""
    observing = Observing(config, clock)
    observing.counts.listen(events)
    events.subscribe(observing.slowest, Served, Responded)
    events.subscribe(follow, *STEPS, at_once=True)  # an answer says where its time went
    stack.enter_context(observing.lag.measured())
    observing.tracing = open_tracing(stack, config.telemetry, events)
    return observing
