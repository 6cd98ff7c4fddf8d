"""``GET /v1/audit``: who did what, the newest first."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from gateway.instants import instant
from gateway.web.keys import GATEWAY
from gateway.web.parameters import read_limit, read_single
from gateway.web.problems import ProblemError, bad_parameter
from storage.tier import TierError

DEFAULT_LIMIT = 100


async def audit(request: Request) -> web.Response:
    """List what was done; raise `ProblemError` when the table does not answer."""
    given = read_single(request.query)
    for name in given:
        if name != "limit":
            raise bad_parameter(name, "no such parameter", nearest=["limit"])
    limit = read_limit(given.get("limit")) or DEFAULT_LIMIT
    try:
        rows = await request.app[GATEWAY].access.audit.latest(limit)
    except TierError as error:
        raise ProblemError(503, "the audit's table does not answer") from error
    told = [{**asdict(row), "at": instant(row.at)} for row in rows]
    return web.Response(
        body=orjson.dumps({"audit": told}),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
