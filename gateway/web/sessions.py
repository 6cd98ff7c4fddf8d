"""``X-Session``: whose lookup it is, for sources that heed it, and ``DELETE /v1/sessions``."""

from __future__ import annotations

import re

import msgspec
from aiohttp import hdrs, web
from aiohttp.web_request import Request

from gateway.web.keys import GATEWAY, IDENTITY
from gateway.web.parameters import Search
from gateway.web.problems import ProblemError, bad_parameter
from storage.tier import TierError

HEADER = "X-Session"
_OPAQUE = re.compile(r"[A-Za-z0-9._~-]{1,128}", re.ASCII)
"""What needs no escape in a URL (RFC 3986 §2.3)."""


async def placed(request: Request, asked: Search) -> Search:
    """Return *asked* as a lookup of the session that the request names; raise `ProblemError`."""
    session = _session(request)
    if session is None:
        return asked
    lookup = await request.app[GATEWAY].sessions.place(asked.lookup, session)
    return msgspec.structs.replace(asked, lookup=lookup)


def private(headers: dict[str, str], asked: Search) -> None:
    """Say in *headers* whom the answer is for, where a session shapes answers (RFC 9111 §5.2.2)."""
    if asked.route.sessions:
        headers[hdrs.VARY] = f"{hdrs.ACCEPT_ENCODING}, {HEADER}"
    if asked.lookup.history:
        headers[hdrs.CACHE_CONTROL] = "private, no-cache"


async def forget(request: Request) -> web.Response:
    """Forget what the session has looked up; 204 also when that was nothing."""
    session = _session(request)
    if session is None:
        raise bad_parameter(HEADER, "the header is missing")
    try:
        await request.app[GATEWAY].sessions.forget(request[IDENTITY].tenant, session)
    except TierError as error:
        raise ProblemError(503, "the database does not answer") from error
    return web.Response(status=204, headers={hdrs.CACHE_CONTROL: "no-store"})


def _session(request: Request) -> str | None:
    given = request.headers.getall(HEADER, [])
    if not given:
        return None
    if len(given) > 1 or not _OPAQUE.fullmatch(given[0]):
        # Its value is not repeated: it may be somebody's.
        raise bad_parameter(HEADER, "1 to 128 letters, digits, '.', '_', '~' and '-' are wanted")
    return given[0]
