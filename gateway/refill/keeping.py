"""Keeping what a flight brought: the entry, its records' names, its summary and its query.

All of it is asked for in the same step, so that a database takes it in one write.
"""

from __future__ import annotations

import asyncio

from gateway.events import Events, TierFailed
from gateway.lookup import Lookup, names_space
from gateway.refill.fetching import Named
from gateway.route import Route
from gateway.similar import StandIns
from gateway.summaries import Summaries
from storage.entry import Entry
from storage.name_index import NameIndex
from storage.tier import TierError
from storage.tiers import Tiers


class Keeping:
    """Puts away what flights bring; what cannot be kept is an event and no fault."""

    def __init__(
        self,
        *,
        tiers: Tiers,
        names: NameIndex,
        summaries: Summaries,
        queries: StandIns,
        events: Events,
    ) -> None:
        self._tiers = tiers
        self._names = names
        self._summaries = summaries
        self._queries = queries
        self._events = events

    async def keep(self, lookup: Lookup, route: Route, entry: Entry, named: Named) -> bool:
        """Keep *entry* and what it is found by; return whether any tier took it.

        *named* are the records that it has anew.
        """
        # What was withdrawn while it was made would only take the place of what was fetched since.
        if route.store == "never" or self._tiers.withdrawn(entry):
            return False
        self._queries.note(lookup, route)
        beside: list[asyncio.Future[None]] = []
        if route.summarizer is not None:
            beside.append(self._summaries.settled())
        if named and route.store == "permanent":
            remembering = self._remember(lookup, route, entry, named)
            beside.append(asyncio.create_task(remembering))
        try:
            took = await self._tiers.put(entry, memory_only=route.store == "memory_only")
            for each in beside:
                await each
        except BaseException:
            # Nothing of it goes on here when the failure is told. What a database has taken into a
            # batch it may write all the same: the fence looks at that (design §7).
            for each in beside:
                each.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            raise
        return bool(took)

    async def _remember(self, lookup: Lookup, route: Route, entry: Entry, named: Named) -> None:
        """Have the records found by their names from now on."""
        try:
            await self._names.remember(names_space(route, lookup.tenant), named, entry.position)
        except TierError as error:
            self._events.emit(TierFailed("names", "put", str(error)))
