"""Whose turn it is: of all replicas that want the same entry, one makes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.fleet.notes import heed, noted
from gateway.freshness import Verdict, judge_records, judge_summary
from gateway.lookup import Lookup
from gateway.route import Route
from storage.entry import Entry
from storage.leases import Leases
from storage.tiers import Tiers


class Turns:
    """Lets one replica make an entry, and the others have it from a tier that they share."""

    def __init__(self, leases: Leases, tiers: Tiers, clock: Callable[[], float]) -> None:
        self._leases = leases
        self._tiers = tiers
        self._clock = clock

    def take(
        self,
        lookup: Lookup,
        route: Route,
        old: Entry | None,
        make: Callable[[], Awaitable[Entry]],
        *,
        want_summary: bool,
    ) -> Awaitable[Entry]:
        """Return what *make* makes, or what another replica has made anew since *old*.

        Raise what *make* raises, or the `UpstreamError` that another has met a moment ago.
        """
        if route.store != "permanent":  # what is not shared must be had by each
            return make()
        # Who wants no summary waits for nobody's.
        key = lookup.key if want_summary else f"{lookup.key}#records"

        async def look(note: str) -> Entry | None:
            heed(note)
            return await self._made(lookup.key, route, old, want_summary=want_summary)

        return self._leases.once(key, make, look, noted)

    async def _made(
        self, key: str, route: Route, old: Entry | None, *, want_summary: bool
    ) -> Entry | None:
        found = await self._tiers.find(key, shared=True)
        if found is None or found.entry == old:
            return None
        now = self._clock()
        records = judge_records(found.entry, route.freshness, now)
        summary = judge_summary(found.entry, now) if want_summary else Verdict.FRESH
        return found.entry if records is summary is Verdict.FRESH else None
