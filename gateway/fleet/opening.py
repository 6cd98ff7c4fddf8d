"""What replicas share, opened where the configuration names a Redis, and absent where not."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from gateway.events import Events, TierLost, TierReturned
from gateway.fleet.section import RedisSection
from storage.tier import Tier


@dataclass(frozen=True, slots=True)
class Fleet:
    """What this replica shares with others."""

    tiers: tuple[Tier, ...] = ()
    """The redis tier, or none."""


async def open_fleet(section: RedisSection, stack: AsyncExitStack, events: Events) -> Fleet:
    """Return what *section* names; nothing is connected before it is needed.

    Whoever takes the tiers closes them.
    """
    if not section.url:
        return Fleet()
    # Importing redis-py takes half a second and 38 MB: only who configures it pays for it.
    from storage.redis import make_redis  # noqa: PLC0415

    def changed(up: bool, reason: str) -> None:
        events.emit(TierReturned("redis") if up else TierLost("redis", reason))

    tier = make_redis(
        section.url,
        prefix=section.prefix,
        timeout=section.timeout,
        on_change=changed,
        ca=section.ca,
        sentinel_password=section.sentinel_password,
    )
    return Fleet((tier,))
