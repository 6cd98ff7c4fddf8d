"""The tiers, what is withdrawn from them, and everything else that stands in the database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import msgspec

from gateway.config import Config
from gateway.events import Events, TierFailed, TierRead
from gateway.fleet.opening import Fleet, choose_leases, open_fleet
from gateway.invalidations import Invalidations, open_invalidations
from storage.database import DatabaseTier, open_database
from storage.leases import Leases
from storage.memory import MemoryTier
from storage.name_index import NameIndex
from storage.postgres import PoolSettings
from storage.sql import Database
from storage.tier import TierAwayError
from storage.tiers import Tiers


@dataclass(frozen=True, slots=True)
class Storage:
    """Where entries are kept, and how replicas agree on them."""

    fleet: Fleet
    database: DatabaseTier
    tiers: Tiers
    names: NameIndex
    leases: Leases
    invalidations: Invalidations

    @property
    def sql(self) -> Database:
        """The database below the tier, for stores."""
        return self.database.database


async def open_storage(config: Config, stack: AsyncExitStack, events: Events) -> Storage:
    """Open what *config* names, for *stack* to close; raise `TierError` when it cannot be."""
    fleet = open_fleet(config.redis, events)
    pool = PoolSettings(**msgspec.structs.asdict(config.database.pool))
    database = await open_database(config.database.url, pool, config.database.replicas)
    memory = MemoryTier(config.memory.max_bytes)
    tiers = Tiers([memory, *fleet.tiers, database], _reporter(events), _reads(events))
    stack.push_async_callback(tiers.close)
    invalidations = await open_invalidations(
        stack,
        database,
        tiers,
        events=events,
        settings=config.invalidation,
        doorbell=fleet.doorbell,
    )
    leases = choose_leases(
        fleet, database.database, wanted=config.database.leases or config.server.workers > 1
    )
    stack.push_async_callback(leases.close)
    stack.push_async_callback(fleet.journal.close)
    return Storage(fleet, database, tiers, database.names, leases, invalidations)


def _reads(events: Events) -> Callable[[str, bool, float], None]:
    return lambda tier, hit, seconds: events.emit(TierRead(tier, hit, seconds))


def _reporter(events: Events) -> Callable[[str, str, Exception], None]:
    def report(tier: str, operation: str, error: Exception) -> None:
        if not isinstance(error, TierAwayError):
            events.emit(TierFailed(tier, operation, str(error)))

    return report
