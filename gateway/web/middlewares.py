"""What every request goes through, from the outside in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from random import getrandbits
from time import perf_counter

import structlog
from aiohttp import web
from aiohttp.web_request import Request

from gateway.shedding import ARRIVAL, NOBODY, Arrival, Nobody
from gateway.web.keys import REQUEST_ID, STARTED
from gateway.web.problems import ProblemError, from_http

Handler = Callable[[Request], Awaitable[web.StreamResponse]]

MAX_BODY = 1 << 20
"""Bytes of a request's body; more is a 413 before anything is read."""
LARGE = frozenset({"/v1/batches"})
"""Paths whose handlers have a bound of their own."""
REQUEST_ID_HEADER = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9._~:+/=@-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.ASCII)
_NO_TRACE = "0" * 32
_log = structlog.get_logger(__name__)


@web.middleware
async def identify(request: Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id, in every log line about it and in its answer."""
    request_id = request_id_of(request.headers.get(REQUEST_ID_HEADER, ""))
    request[REQUEST_ID] = request_id
    request[STARTED] = perf_counter()
    # aiohttp runs each request in a task of its own: what is bound here ends with it.
    trace_id = trace_id_of(request.headers.get("traceparent", ""))
    structlog.contextvars.bind_contextvars(request_id=request_id, trace_id=trace_id)
    # aiohttp's protocol is ours (`gateway.web.connection`), but in tests that have none.
    arrival: Arrival | Nobody = getattr(request.protocol, "arrival", NOBODY)
    ARRIVAL.set(arrival)
    try:
        response = await handler(request)
    finally:
        arrival.passed()
    response.headers[REQUEST_ID_HEADER] = request_id
    return response


@web.middleware
async def explain(request: Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever is raised into a problem; one that nobody expected tells nothing else."""
    try:
        _bound_body(request)
        return await handler(request)
    except ProblemError as problem:
        found = problem
    except web.HTTPException as error:
        if error.status < 400:
            raise
        found = from_http(error)
    except Exception:  # noqa: BLE001 - the last resort of a request: logged with its id
        _log.exception("request.crashed", method=request.method, path=request.path)
        found = crashed()
    return found.response(request.path)


@web.middleware
async def protect(request: Request, handler: Handler) -> web.StreamResponse:
    """Answers are data: no browser may guess another type (design: what upstreams send is data)."""
    response = await handler(request)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def crashed() -> ProblemError:
    """Return the problem of what nobody expected, which has been logged."""
    return ProblemError(500, "the gateway failed; its log has the reason under X-Request-Id")


def _bound_body(request: Request) -> None:
    length = request.content_length or 0
    if length > MAX_BODY and request.path not in LARGE:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY, length)


def request_id_of(given: str) -> str:
    """Return *given* if it can stand in a header and a log line as it is, else a new id."""
    return given if _SANE.fullmatch(given) else f"{getrandbits(64):016x}"


def trace_id_of(traceparent: str) -> str:
    """Return the trace that *traceparent* names (W3C Trace Context §3.2), else a new one."""
    match = _TRACEPARENT.fullmatch(traceparent.strip())
    if match is None or match[1] == _NO_TRACE:
        return f"{getrandbits(128):032x}"
    return match[1]


MIDDLEWARES = (protect, explain)
"""In this order, the outermost first; `identify` goes before them."""
