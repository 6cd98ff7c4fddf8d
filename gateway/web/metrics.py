"""``GET /metrics``: what Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from aiohttp import hdrs, web
from aiohttp.web_request import Request
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gateway.assembly import Gateway
from gateway.metrics.collector import GatewayCollector
from gateway.metrics.families import gauge

REGISTRY: Final = web.AppKey("registry", CollectorRegistry)
"""Of an application: what is scraped."""


class ResponseCaches(Collector):
    """Tells how many bytes the answers take that are kept as they are sent."""

    def __init__(self, sizes: Mapping[str, Callable[[], int]]) -> None:
        self._sizes = sizes

    def collect(self) -> Iterator[Metric]:
        """Yield the one family."""
        yield gauge(
            "lookup_response_cache_bytes",
            "Memory that answers take as they are sent.",
            ("cache",),
            (((name,), float(size())) for name, size in self._sizes.items()),
        )


def make_registry(gateway: Gateway, sizes: Mapping[str, Callable[[], int]]) -> CollectorRegistry:
    """Return a registry of *gateway*, of this process, and of kept answers by their *sizes*."""
    registry = CollectorRegistry()
    registry.register(GatewayCollector(gateway))
    registry.register(ResponseCaches(sizes))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


async def metrics(request: Request) -> web.Response:
    """Return every metric, as text or as OpenMetrics, whichever is asked for."""
    encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(
        body=encode(request.app[REGISTRY]),
        headers={hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"},
    )
