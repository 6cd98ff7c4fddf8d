"""The tiers as one: how they are read, and when the database is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from gateway.config import Config
from gateway.events import Events, TierFailed, TierRead, TiersRaced
from gateway.fleet.opening import Fleet
from storage.database import DatabaseTier
from storage.memory import MemoryTier
from storage.races import PATIENCE, Race
from storage.recovery import Recovery
from storage.tier import Tier, TierAwayError
from storage.tiers import Tiers
from storage.withdrawals import Withdrawals
from storage.write_behind import Bounds, WriteBehind


def open_tiers(
    config: Config, stack: AsyncExitStack, events: Events, fleet: Fleet, database: DatabaseTier
) -> Tiers:
    """Return the tiers that *config* names, for *stack* to close."""
    withdrawals = Withdrawals()
    if database.reads is not None:
        database.reads.vouched = lambda: withdrawals.current
    recovering, lowest = _written(config, events, fleet, database, withdrawals)
    tiers = Tiers(
        [MemoryTier(config.memory.max_bytes), *fleet.tiers, lowest],
        _reporter(events),
        _reads(events),
        withdrawals,
        patience=PATIENCE[config.database.read](),
        on_race=_races(events),
    )
    stack.push_async_callback(tiers.close)
    if recovering is not None:
        age = Bounds().seconds
        task = asyncio.create_task(recovering.running(age), name="write what others have left")
        stack.push_async_callback(_end, task)
    return tiers


def _written(
    config: Config,
    events: Events,
    fleet: Fleet,
    database: DatabaseTier,
    withdrawals: Withdrawals,
) -> tuple[Recovery | None, Tier]:
    """Return the tier that writes to *database*, and what writes what others have left.

    Without a Redis that has it meanwhile, nothing is written later (docs/durability.md).
    """
    if config.database.write == "through" or fleet.backlog is None:
        return None, database

    def lost(message: str) -> None:
        events.emit(TierFailed("database", "write_behind", message))

    behind = WriteBehind(database, fleet.backlog, vouched=lambda: withdrawals.current, on_loss=lost)
    return Recovery(behind, fleet.tiers[0], fleet.backlog, lost), behind


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _reads(events: Events) -> Callable[[str, bool, float], None]:
    return lambda tier, hit, seconds: events.emit(TierRead(tier, hit, seconds))


def _races(events: Events) -> Callable[[Race], None]:
    def tell(race: Race) -> None:
        seconds = tuple((look.tier, look.seconds) for look in race.looks)
        events.emit(TiersRaced(race.winner, seconds))

    return tell


def _reporter(events: Events) -> Callable[[str, str, Exception], None]:
    def report(tier: str, operation: str, error: Exception) -> None:
        if not isinstance(error, TierAwayError):
            events.emit(TierFailed(tier, operation, str(error)))

    return report
