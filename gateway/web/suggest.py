"""``GET /v1/suggest``: the names of cached records that hold a part, the likeliest first."""

from __future__ import annotations

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from gateway.lookup import names_space, normalize
from gateway.parameters import BadLookupError
from gateway.web.admission import asker
from gateway.web.keys import GATEWAY
from gateway.web.parameters import read_limit, read_route, read_single
from gateway.web.problems import ProblemError, bad_parameter, nearest
from storage.tier import TierError

PARAMETERS = ("source", "q", "limit")
DEFAULT_LIMIT = 10


async def suggest(request: Request) -> web.Response:
    """Answer from the index of names alone; no upstream is asked."""
    gateway, who = request.app[GATEWAY], asker(request)
    given = read_single(request.query)
    for name in given:
        if name not in PARAMETERS:
            raise bad_parameter(name, "no such parameter", nearest=nearest(name, PARAMETERS))
    route = read_route(given.get("source"), who.routes)
    limit = read_limit(given.get("limit")) or DEFAULT_LIMIT
    try:
        text = normalize(given.get("q", ""), "q")
    except BadLookupError as error:
        raise bad_parameter(error.parameter, error.message) from error
    if not text:
        raise bad_parameter("q", "a part of a name is wanted")
    try:
        found = await gateway.names.suggest(names_space(route, who.tenant), text, limit)
    except TierError as error:
        raise ProblemError(503, "the index of names does not answer") from error
    body = {"suggestions": [{"id": each.id, "name": each.name} for each in found]}
    return web.Response(
        body=orjson.dumps(body),
        content_type="application/json",
        headers={"Cache-Control": "no-cache"},
    )
