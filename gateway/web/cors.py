"""Cross-origin requests (Fetch standard §3.2): browsers of the origins that are listed alone."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import hdrs, web
from aiohttp.web_request import Request

from gateway.web.middlewares import Handler

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_HEADERS = "Authorization, Content-Type, If-None-Match, Last-Event-ID, X-Request-Id, X-Session"
_EXPOSED = (
    "Age, Cache-Status, ETag, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, X-Request-Id"
)
_HOUR = "3600"


def allow_origins(app: web.Application, origins: Sequence[str]) -> None:
    """Have *app* answer browsers whose page is of one of *origins*; without any nothing changes."""
    allowed = frozenset(origins)
    if not allowed:
        return

    @web.middleware
    async def cross(request: Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get(hdrs.ORIGIN, "")
        asks = hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
        if request.method == hdrs.METH_OPTIONS and asks:
            return _preflight(known=origin in allowed)
        return await handler(request)

    async def tell(request: Request, response: web.StreamResponse) -> None:
        # Also where the origin is not listed: what a cache keeps must not reach another's page.
        response.headers[hdrs.VARY] = ", ".join(
            filter(None, (response.headers.get(hdrs.VARY), hdrs.ORIGIN))
        )
        origin = request.headers.get(hdrs.ORIGIN, "")
        if origin in allowed:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED

    # Before anybody is asked who they are: a preflight never carries a token.
    app.middlewares.insert(0, cross)
    app.on_response_prepare.append(tell)


def _preflight(*, known: bool) -> web.Response:
    if not known:
        return web.Response(status=403)
    return web.Response(
        status=204,
        headers={
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: _HOUR,
        },
    )
