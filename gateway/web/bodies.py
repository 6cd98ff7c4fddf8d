"""What a request's body says, as JSON; every fault names its place."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import hdrs, web
from aiohttp.web_request import Request

from gateway.web import encoding
from gateway.web.problems import ProblemError, bad_body


async def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body, whatever type it says it has.

    Raise `ProblemError`: 400 for anything else, 413 for too much, 415 for a coded body.
    """
    if request.headers.get(hdrs.CONTENT_ENCODING, encoding.IDENTITY) != encoding.IDENTITY:
        raise ProblemError(415, "the body is to be sent as it is, without a Content-Encoding")
    try:
        value = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise bad_body("", f"not JSON: {error.msg} at line {error.lineno}") from error
    if not isinstance(value, dict):
        raise bad_body("", "a JSON object is wanted")
    return value


def coded(request: Request, body: bytes, headers: dict[str, str]) -> web.Response:
    """Return a response to this request alone, in the coding that its client takes."""
    coding = encoding.worth(body, encoding.accepted(request))
    sent = {hdrs.CACHE_CONTROL: "no-store", hdrs.VARY: hdrs.ACCEPT_ENCODING, **headers}
    if coding != encoding.IDENTITY:
        sent[hdrs.CONTENT_ENCODING] = coding
    return web.Response(
        body=encoding.encode(body, coding), content_type="application/json", headers=sent
    )
