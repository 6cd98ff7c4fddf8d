"""Waiting for a flight whose result still stands when it lands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.flights.landed import Landed
from gateway.lookup import Lookup
from gateway.route import Route
from storage.entry import Entry
from storage.tiers import Tiers


async def standing(
    join: Callable[[float], Awaitable[Landed[Entry]]], within: float, tiers: Tiers, begun: int
) -> Landed[Entry]:
    """Return what *join* brings; join anew while *tiers* may not give that to who comes now.

    Who came after a withdrawal may have joined a flight that began before it (design §7). One that
    began after they came, beyond *begun*, will do: it brings nothing that was withdrawn before it
    began. *within* seconds are for all of them together; *join* is told what is left.
    """
    loop = asyncio.get_running_loop()
    mark, ends = tiers.mark, loop.time() + within
    while True:
        landed = await join(ends - loop.time())
        if landed.number > begun or tiers.serves(landed.value, mark):
            return landed


def flight_key(lookup: Lookup, want_summary: bool) -> str:
    """A lookup without its summary flies apart, so that nobody pays for what nobody asked."""
    return lookup.key if want_summary else f"{lookup.key}#records"


def renewal_key(lookup: Lookup, route: Route, want_summary: bool) -> str:
    """What is asked for anew flies apart from flights that take what is kept for good enough.

    Without summaries there are none: each flight fetches (`gateway.refill`), so they are one.
    """
    key = flight_key(lookup, want_summary)
    return key if route.summarizer is None else f"{key}#renewed"
