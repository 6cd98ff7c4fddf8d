"""Which lookups a run is about, by what the command line names."""

from __future__ import annotations

import argparse
import sys

from adapters.errors import UpstreamError
from gateway.assembly import Gateway
from gateway.lookup import SHARED_TENANT, Lookup
from gateway.warming.freshness import distinct
from gateway.warming.listing import listed
from warmup.plan import planned, route_of


class CannotListError(Exception):
    """A source has no listing, or did not give it."""


async def chosen(gateway: Gateway, options: argparse.Namespace) -> list[Lookup]:
    """Return them, each once.

    Raise `BadLookupError` for what cannot be asked, OSError for a file, `TierError` for the
    database, `CannotListError` for a listing.
    """
    routes, tenant = gateway.routes, options.tenant or SHARED_TENANT
    for name in (*options.source, *options.listing):
        route_of(routes, name)
    found: list[Lookup] = []
    if options.file is not None or not (options.top or options.listing):
        found += planned(routes, options.source, options.file, tenant)
    if options.top:
        found += await _popular(gateway, options)
    for name in options.listing:
        found += await _listing(gateway, name)
    return distinct(found)


async def _popular(gateway: Gateway, options: argparse.Namespace) -> list[Lookup]:
    await gateway.popularity.refresh()
    sources = options.source or [""]
    found = [
        pair
        for source in sources
        for pair in await gateway.popularity.top(
            options.top, gateway.routes, tenant=options.tenant, source=source
        )
    ]
    ranked = sorted(found, key=lambda pair: pair[0].score, reverse=True)
    return [lookup for _, lookup in ranked[: options.top]]


async def _listing(gateway: Gateway, name: str) -> list[Lookup]:
    try:
        lookups, unusable = await listed(gateway.routes[name])
    except UpstreamError as error:
        raise CannotListError(f"{name} cannot be listed: {error.message}") from error
    if unusable:
        print(f"{name}: {unusable} names cannot be asked for", file=sys.stderr)
    return lookups
