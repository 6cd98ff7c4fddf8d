"""What replicas share, opened where the configuration names a Redis, and absent where not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from adapters.breaker import Breaker
from adapters.shared_quota import Counters
from gateway.events import CircuitChanged, Events, TierLost, TierReturned
from gateway.fleet.section import RedisSection
from gateway.fleet.sharing import Bus, Circuits, share_quotas
from gateway.outbox import TOLD, Outbox
from gateway.route import Route
from storage.backlog import Backlog
from storage.database_leases import DatabaseLeases
from storage.doorbell import Doorbell
from storage.journal import Journal, LocalJournal
from storage.leases import Leases, NoLeases
from storage.sql import Database
from storage.tier import Tier

PATIENCE = 5.0
"""Seconds that the connection for messages waits for Redis; no lookup waits for it."""


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


@dataclass(frozen=True, slots=True)
class Fleet:
    """What this replica shares with others; whoever takes a part closes it."""

    tiers: tuple[Tier, ...] = ()
    """The redis tier, or none."""
    leases: Leases | None = None
    """Those of Redis; None: the database may have some."""
    doorbell: Doorbell | None = None
    """That of Redis; None: the database has one."""
    counters: Counters | None = None
    """Of the calls that quotas allow; None: each replica counts by itself."""
    bus: Bus | None = None
    """What replicas tell each other with; None: there is nobody to be told."""
    backlog: Backlog | None = None
    """What Redis has and the database may lack; None: nothing is written later."""
    journal: Journal = field(default_factory=LocalJournal)
    """What happened, for other services."""
    listening: AbstractAsyncContextManager[None] = field(default_factory=_nothing)
    """Within it, what other replicas say is heard."""


def open_fleet(section: RedisSection, events: Events) -> Fleet:
    """Return what *section* names; nothing is connected before it is needed."""
    if not section.url:
        return Fleet()
    # Importing redis-py takes half a second and 38 MB: only who configures it pays for it.
    from storage.redis import RedisTier  # noqa: PLC0415
    from storage.redis_address import parse_address  # noqa: PLC0415
    from storage.redis_backlog import RedisBacklog  # noqa: PLC0415
    from storage.redis_channels import RedisChannels, RedisDoorbell  # noqa: PLC0415
    from storage.redis_clients import make_client  # noqa: PLC0415
    from storage.redis_counters import RedisCounters  # noqa: PLC0415
    from storage.redis_journal import RedisJournal  # noqa: PLC0415
    from storage.redis_leases import RedisLeases  # noqa: PLC0415
    from storage.redis_link import RedisLink  # noqa: PLC0415

    def changed(up: bool, reason: str) -> None:
        events.emit(TierReturned("redis") if up else TierLost("redis", reason))

    address, prefix = parse_address(section.url), section.prefix
    make = partial(make_client, address, ca=section.ca, sentinel_password=section.sentinel_password)
    link = RedisLink(make(timeout=section.timeout), section.timeout, changed)
    channels = RedisChannels(make(timeout=PATIENCE), link, prefix)
    return Fleet(
        tiers=(RedisTier(link, prefix),),
        leases=RedisLeases(link, channels, prefix),
        doorbell=RedisDoorbell(channels),
        counters=RedisCounters(link, prefix),
        bus=channels,
        backlog=RedisBacklog(link, prefix),
        journal=RedisJournal(link, channels, prefix),
        listening=channels.running(),
    )


def choose_leases(fleet: Fleet, database: Database, *, wanted: bool) -> Leases:
    """Return those of Redis, else of *database* where they are *wanted*, else none."""
    if fleet.leases is not None:
        return fleet.leases
    return DatabaseLeases(database) if wanted else NoLeases()


def share(
    fleet: Fleet,
    routes: Mapping[str, Route],
    breakers: Mapping[str, Breaker],
    events: Events,
    clock: Callable[[], float],
) -> None:
    """Have quotas and circuits be those of all replicas, where there is what they share.

    What happens is written down for other services, whether shared or not.
    """
    events.subscribe(Outbox(fleet.journal, clock), *TOLD)
    if fleet.counters is not None:
        share_quotas(routes, fleet.counters, clock)
    if fleet.bus is not None:
        events.subscribe(Circuits(breakers, fleet.bus), CircuitChanged)
