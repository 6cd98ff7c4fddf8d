"""Who looks at the bytes of a request before aiohttp parses it."""

from __future__ import annotations

from aiohttp import web

from gateway.web.hit_path import HITS, HitPath, Hits, NoHits
from gateway.web.keys import GATEWAY


def looks_of(app: web.Application) -> Hits:
    """Return the hit path of *app*, if it has one; where there are traces, for who has none."""
    known: HitPath | None = app.get(HITS)
    hits: Hits = NoHits() if known is None else known
    gateway = app.get(GATEWAY)
    if gateway is None or not gateway.observing.tracing.on:
        return hits
    from gateway.web.traced import UnsampledHits  # noqa: PLC0415 - loads OpenTelemetry

    return UnsampledHits(hits)
