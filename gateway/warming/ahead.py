"""What is asked often is renewed before it expires, where that is worth its price.

XFetch (`gateway.freshness.renews_early`) renews what is being asked in the seconds before it
expires. This renews what is asked too seldom for that, and often enough to be asked again: nobody
waits for it either. Whichever comes first, the other finds nothing to do.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from adapters.errors import UpstreamError
from adapters.source import Priority
from gateway.assembly import Gateway
from gateway.config.warmup import AheadSpec
from gateway.freshness import records_ttl
from gateway.lookup import Lookup
from gateway.route import Route
from gateway.spend.prices import NANOS
from gateway.warming.freshness import needs_nothing
from gateway.warming.worth import Case, decide
from storage.entry import Entry
from storage.popularity import PopularRow
from storage.tier import TierError

AT_ONCE = 4
"""Renewals at a time."""
MARGIN = 1.5
"""So many times as far as to the next look is looked ahead."""
_log = structlog.get_logger(__name__)


class Ahead:
    """Looks every so often for what expires soon, as all replicas have counted it."""

    def __init__(
        self,
        gateway: Gateway,
        spec: AheadSpec,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gateway = gateway
        self._spec = spec
        self._sleep = sleep

    async def run(self) -> None:
        """Look now and then, for ever."""
        while True:
            # Not all replicas at the same moment: who looks second finds what the first renewed.
            await self._sleep(self._spec.every * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
            try:
                await self.sweep()
            except TierError as error:
                _log.debug("ahead.not_looked", reason=str(error))

    async def sweep(self) -> int:
        """Renew what is worth it; return how many were renewed. Raise `TierError`."""
        gateway = self._gateway
        top = await gateway.popularity.top(self._spec.top, gateway.routes)
        kept = await gateway.survey.find([lookup.key for _, lookup in top], self._is_newer)
        due = [
            lookup
            for row, lookup in top
            if lookup.key in kept and self._worth(row, lookup, kept[lookup.key])
        ]
        pending, renewed = iter(due), 0

        async def renew() -> None:
            nonlocal renewed
            for lookup in pending:
                renewed += await self._renewed(lookup)

        await asyncio.gather(*(renew() for _ in range(AT_ONCE)))
        return renewed

    def _is_newer(self, entry: Entry) -> bool:
        """Whether memory holds an older copy, of what another replica has renewed."""
        held = self._gateway.tiers.peek(entry.key)
        return held is not None and held.records.at < entry.records.at

    def _worth(self, row: PopularRow, lookup: Lookup, entry: Entry) -> bool:
        route, now = self._gateway.routes[lookup.source], self._gateway.clock()
        life = records_ttl(entry, route.freshness)
        left = entry.records.at + life - now
        if not needs_nothing(entry, route, now) or left > self._spec.every * MARGIN:
            return False
        case = Case(row.rate(now), life - left, _took(entry), self._price(entry, route))
        decision = decide(case, self._spec)
        _log.debug(
            "ahead.decided",
            key=entry.key,
            renew=decision.renew,
            chance=round(decision.chance, 3),
            gain_usd=round(decision.gain, 6),
            price_usd=round(decision.price, 6),
            left=round(left, 1),
        )
        return decision.renew

    def _price(self, entry: Entry, route: Route) -> float:
        """Return what a renewal costs, if all of it must be made anew."""
        call = self._gateway.money.ledger.call_price(route.name) / NANOS
        bill = entry.bill
        return call + ((bill.usd or 0.0) if bill is not None else 0.0)

    async def _renewed(self, lookup: Lookup) -> bool:
        want_summary = self._gateway.routes[lookup.source].summarizer is not None
        try:
            await self._gateway.resolver.renew(
                lookup, want_summary=want_summary, priority=Priority.WARMUP
            )
        except UpstreamError:
            return False  # told as an event; what is kept stays
        return True


def _took(entry: Entry) -> float:
    return entry.records.cost + (0.0 if entry.summary is None else entry.summary.cost)
