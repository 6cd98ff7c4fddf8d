"""``GET /v1/search``: one lookup over HTTP."""

from __future__ import annotations

from time import perf_counter

from aiohttp import ETag, hdrs, web
from aiohttp.web_request import Request

from adapters.errors import UpstreamError
from gateway.journey import journey
from gateway.web import encoding, headers
from gateway.web.admission import asker
from gateway.web.hit_path import HITS
from gateway.web.keys import BODIES, GATEWAY
from gateway.web.nearest import marked, nearest_names, rendered
from gateway.web.parameters import read_search
from gateway.web.problems import upstream_failed
from gateway.web.seats import SEATS
from gateway.web.sessions import placed, private

CALLER_DEADLINE = 30.0
"""Seconds that a caller is kept waiting; the flight goes on without it."""


async def search(request: Request) -> web.Response:
    """Answer one lookup; raise `ProblemError` when it cannot be asked or nothing can answer it."""
    gateway = request.app[GATEWAY]
    asked = await placed(request, read_search(request.query, asker(request)))
    coding = encoding.accepted(request)
    start = perf_counter()
    try:
        with journey() as way:
            answer = await gateway.personal.resolve(
                asked.lookup, asked.route, CALLER_DEADLINE, want_summary=asked.summary
            )
    except UpstreamError as error:
        raise upstream_failed(error, asked.route.name) from error
    nearest = await nearest_names(gateway, asked, answer)
    content = marked(answer.etag, nearest)
    tag = headers.entity_tag(content, asked.view)
    sent = {
        hdrs.CACHE_CONTROL: headers.cache_control(answer),
        "Cache-Status": headers.cache_status(answer),
        hdrs.AGE: str(answer.age),
        hdrs.ETAG: tag,
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
        "Server-Timing": headers.server_timing(answer, perf_counter() - start, way.steps),
    }
    private(sent, asked)
    if not nearest:
        request.app[HITS].learn(request, asked, answer, tag)
        request.app[SEATS].serve(request, asked, answer, content, tag)
    if _unchanged(request, tag):
        return web.Response(status=304, headers=sent)
    body, coding = request.app[BODIES].get(
        content, asked.view, coding, lambda: rendered(answer, asked, nearest)
    )
    if coding != encoding.IDENTITY:
        sent[hdrs.CONTENT_ENCODING] = coding
    return web.Response(body=body, content_type="application/json", headers=sent)


def _unchanged(request: Request, tag: str) -> bool:
    """Compare weakly, as RFC 9110 §13.1.2 has it for If-None-Match."""
    if hdrs.IF_NONE_MATCH not in request.headers:
        return False
    opaque = tag[3:-1]
    known: tuple[ETag, ...] = request.if_none_match or ()
    return any(each.value in (opaque, "*") for each in known)
