"""Waiting for a flight whose result still stands when it lands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.landed import Landed
from gateway.lookup import Lookup
from storage.entry import Entry
from storage.tiers import Tiers


async def standing(
    join: Callable[[float], Awaitable[Landed[Entry]]], within: float, tiers: Tiers, begun: int
) -> Landed[Entry]:
    """Return what *join* brings; join anew while that was withdrawn from *tiers* under way.

    Who came after a withdrawal may have joined a flight that began before it (design §7); where
    nobody can tell what was withdrawn, only a flight that began after the caller came will do:
    one beyond *begun*. *within* seconds are for all of them together; *join* is told what is left.
    """
    loop = asyncio.get_running_loop()
    came, ends = tiers.withdrawals.position, loop.time() + within
    while True:
        landed = await join(ends - loop.time())
        if landed.number > begun:
            return landed
        entry = landed.value
        if tiers.sure and (entry.position >= came or not tiers.withdrawn(entry)):
            return landed


def flight_key(lookup: Lookup, want_summary: bool) -> str:
    """A lookup without its summary flies apart, so that nobody pays for what nobody asked."""
    return lookup.key if want_summary else f"{lookup.key}#records"
