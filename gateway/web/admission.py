"""Who is let in to what: every path with the scope that it needs, and nothing by accident."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import structlog
from aiohttp import hdrs, web
from aiohttp.web_request import Request

from gateway.access.identity import Identity, Scope, UnknownCallerError
from gateway.route import Route
from gateway.web.keys import GATEWAY, IDENTITY
from gateway.web.middlewares import Handler
from gateway.web.parameters import Asker
from gateway.web.problems import ProblemError
from gateway.web.request_head import bearer

ANYBODY = frozenset(
    {
        *("/healthz", "/readyz", "/openapi.json", "/docs", "/dashboard", "/pages/{name}"),
        "/v1/tokens/refresh",
    }
)
"""Paths that ask nobody who they are: they hold no answer and tell nothing of any tenant."""
KNOWN = frozenset({"/v1/sources", "/v1/tokens"})
"""Paths for everybody who is known; what they see depends on who they are."""
SCOPES: Mapping[str, Mapping[str, Scope]] = MappingProxyType(
    {
        "/v1/search": {"GET": Scope.SEARCH, "HEAD": Scope.SEARCH, "POST": Scope.BATCH},
        "/v1/search/stream": {"GET": Scope.STREAM},
        "/v1/suggest": {"GET": Scope.SUGGEST, "HEAD": Scope.SUGGEST},
        "/v1/batches": {"POST": Scope.BATCH},
        "/v1/batches/{id}": {"GET": Scope.BATCH, "HEAD": Scope.BATCH, "DELETE": Scope.BATCH},
        "/v1/batches/{id}/results": {"GET": Scope.BATCH, "HEAD": Scope.BATCH},
        "/v1/watches": {"GET": Scope.BATCH, "HEAD": Scope.BATCH, "POST": Scope.BATCH},
        "/v1/watches/{id}": {
            "GET": Scope.BATCH,
            "HEAD": Scope.BATCH,
            "PATCH": Scope.BATCH,
            "DELETE": Scope.BATCH,
        },
        "/v1/sessions": {"DELETE": Scope.SEARCH},
        "/v1/invalidate": {"POST": Scope.INVALIDATE},
        # It spends a call whenever it is asked: whoever may withdraw may also renew.
        "/v1/refresh": {"POST": Scope.INVALIDATE},
        "/v1/stats": {"GET": Scope.STATS},
        "/v1/stats/stream": {"GET": Scope.STATS},
        "/v1/events": {"GET": Scope.STATS},
        "/metrics": {"GET": Scope.STATS},
        "/v1/audit": {"GET": Scope.ADMIN},
        "/v1/debug/profile": {"POST": Scope.ADMIN},
    }
)
"""The scope that each path and method needs; what stands nowhere needs ``admin``."""

_REALM = 'Bearer realm="lookup-gateway"'


@web.middleware
async def admit(request: Request, handler: Handler) -> web.StreamResponse:
    """Find out who asks, and let them in if they may; raise `ProblemError` 401 or 403."""
    resource = request.match_info.route.resource
    path = request.path if resource is None else resource.canonical
    # A path that does not exist says so to everybody: the paths are no secret.
    if path in ANYBODY or request.match_info.http_exception is not None:
        return await handler(request)
    identity = await _identified(request)
    request[IDENTITY] = identity
    structlog.contextvars.bind_contextvars(tenant=identity.tenant, who=identity.name)
    if path not in KNOWN:
        scope = SCOPES.get(path, {}).get(request.method, Scope.ADMIN)
        if not identity.may(scope):
            raise forbidden(f"this needs the scope {scope.value}", scope)
    return await handler(request)


def asker(request: Request) -> Asker:
    """Return under whose name *request* goes, and what it may ask."""
    identity = request[IDENTITY]
    return Asker(identity.tenant, visible(identity, request.app[GATEWAY].routes))


def visible(identity: Identity, routes: Mapping[str, Route]) -> Mapping[str, Route]:
    """Return those of *routes* that *identity* may ask, by name."""
    allowed = identity.sources
    if allowed is None:
        return routes
    return {name: route for name, route in routes.items() if name in allowed}


async def _identified(request: Request) -> Identity:
    try:
        return await request.app[GATEWAY].access.authenticator.identify(credential(request))
    except UnknownCallerError as error:
        shown = ', error="invalid_token"' if credential(request) else ""
        raise ProblemError(
            401,
            str(error),
            kind="unknown-caller",
            headers={hdrs.WWW_AUTHENTICATE: _REALM + shown},  # RFC 6750 §3
        ) from error


def credential(request: Request) -> str:
    """Return the key or token that *request* shows ; empty without one."""
    return bearer(request.headers.get(hdrs.AUTHORIZATION, ""))


def forbidden(detail: str, scope: Scope | None) -> ProblemError:
    """Return the 403 of somebody who is known and may not."""
    needed = f', error="insufficient_scope", scope="{scope.value}"' if scope else ""
    return ProblemError(
        403,
        detail,
        kind="forbidden",
        headers={hdrs.WWW_AUTHENTICATE: _REALM + needed} if needed else {},
        members={"scope": None if scope is None else scope.value},
    )
