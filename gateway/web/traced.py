"""A span around each request, where traces are wanted."""

from __future__ import annotations

import re

import structlog
from aiohttp import web
from aiohttp.web_request import Request

from gateway.tracing.spans import Spans, note_status
from gateway.web.hit_path import Hits
from gateway.web.keys import GATEWAY, IDENTITY
from gateway.web.measuring import method_of, route_of
from gateway.web.middlewares import Handler

_SAMPLED = re.compile(
    rb"(?i)\r\ntraceparent:[\t ]*[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf]"
)
"""With the lowest bit of the flags set, its caller keeps this trace (W3C Trace Context §3.2)."""


@web.middleware
async def trace(request: Request, handler: Handler) -> web.StreamResponse:
    """Answer within a span that knows its route, its status, and who asked for what."""
    spans = request.app[GATEWAY].observing.tracing
    assert isinstance(spans, Spans)
    with spans.request(request.headers, method_of(request), route_of(request)) as span:
        trace_id = f"{span.get_span_context().trace_id:032x}"
        structlog.contextvars.bind_contextvars(trace_id=trace_id)
        response = await handler(request)
        if IDENTITY in request:
            span.set_attribute("lookup.tenant", request[IDENTITY].tenant)
        source = structlog.contextvars.get_contextvars().get("source")
        if source:
            span.set_attribute("lookup.source", str(source))
        note_status(span, response.status)
    return response


class UnsampledHits:
    """Lets *hits* answer what nobody traces; a request whose trace is kept goes the whole way.

    Whose caller keeps no trace is not drawn here: a hit of some microseconds has nothing to show.
    """

    def __init__(self, hits: Hits) -> None:
        self._hits = hits

    def reply(self, data: bytes, peer: str) -> bytes | None:
        """Return the response to *data* from the address *peer*; None: it is not for us."""
        return None if _SAMPLED.search(data) else self._hits.reply(data, peer)
