"""The tiers, what is withdrawn from them, and everything else that stands in the database."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

import msgspec

from gateway.assembly.tiering import open_tiers
from gateway.config import Config
from gateway.events import Events, TierLost, TierReturned
from gateway.fleet.opening import Fleet, choose_leases, open_fleet
from gateway.invalidations import Invalidations, open_invalidations
from storage.database import DatabaseTier, open_database
from storage.leases import Leases
from storage.liveness import OnChange
from storage.name_index import NameIndex
from storage.postgres import PoolSettings
from storage.sql import Database
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
    database.on_change(_teller(database.name, events))
    tiers = open_tiers(config, stack, events, fleet, database)
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


def _teller(tier: str, events: Events) -> OnChange:
    def tell(up: bool, reason: str) -> None:
        events.emit(TierReturned(tier) if up else TierLost(tier, reason))

    return tell
