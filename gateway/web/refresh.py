"""``POST /v1/refresh``: what the upstream says now, however fresh what is kept may be."""

from __future__ import annotations

from time import perf_counter

from aiohttp import hdrs, web
from aiohttp.web_request import Request

from adapters.errors import UpstreamError
from gateway.journey import journey
from gateway.web import headers
from gateway.web.admission import asker
from gateway.web.bodies import coded, read_object
from gateway.web.keys import GATEWAY
from gateway.web.nearest import marked, nearest_names, rendered
from gateway.web.parameters import read_members, search_of
from gateway.web.problems import upstream_failed
from gateway.web.search import CALLER_DEADLINE


async def refresh(request: Request) -> web.Response:
    """Fetch one lookup anew and answer with it; raise `ProblemError` when that fails."""
    gateway = request.app[GATEWAY]
    asked = search_of(read_members(await read_object(request)), asker(request))
    start = perf_counter()
    try:
        with journey() as way:
            answer = await gateway.resolver.renew(
                asked.lookup, CALLER_DEADLINE, want_summary=asked.summary
            )
    except UpstreamError as error:
        raise upstream_failed(error, asked.route.name) from error
    nearest = await nearest_names(gateway, asked, answer)
    sent = {
        "Cache-Status": headers.cache_status(answer, forced=True),
        hdrs.AGE: str(answer.age),
        hdrs.ETAG: headers.entity_tag(marked(answer.etag, nearest), asked.view),
        "Server-Timing": headers.server_timing(answer, perf_counter() - start, way.steps),
    }
    return coded(request, rendered(answer, asked, nearest), sent)
