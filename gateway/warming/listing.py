"""Every record of a source, as the lookups by which people find it: by its name."""

from __future__ import annotations

from adapters.source import Priority, Query
from gateway.lookup import Lookup, make_lookup
from gateway.parameters import BadLookupError
from gateway.route import Route
from gateway.warming.freshness import distinct


async def listed(route: Route) -> tuple[list[Lookup], int]:
    """Return a lookup for each name that *route* lists, and how many names cannot be asked.

    Raise `UpstreamError` where it cannot be listed.
    """
    query = Query("", language=route.language, priority=Priority.BULK, whole=True)
    payload = await route.source.fetch(query)
    lookups, unusable = list[Lookup](), 0
    for record in payload.records:
        try:
            lookups.append(make_lookup(route, str(record["name"])))
        except BadLookupError:
            unusable += 1
    return distinct(lookups), unusable
