"""``POST /v1/invalidate``: what no replica may serve any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from gateway.events import Audited
from gateway.lookup import SHARED_TENANT, comparable
from gateway.web.admission import asker, forbidden
from gateway.web.bodies import read_object
from gateway.web.keys import GATEWAY, IDENTITY
from gateway.web.parameters import Asker, read_members, read_route, search_of
from gateway.web.problems import ProblemError, bad_body
from storage.tier import TierError
from storage.withdrawals import Scope

MAX_TEXT = 200
"""Characters of a pattern, a tag or an id."""


async def invalidate(request: Request) -> web.Response:
    """Withdraw what the body names; with ``"wait": false`` others may serve it a moment longer.

    Raise `ProblemError`: 400 for another body, 503 where nothing could be withdrawn.
    """
    gateway = request.app[GATEWAY]
    body = await read_object(request)
    wait = body.pop("wait", True)
    if not isinstance(wait, bool):
        raise bad_body("/wait", "true or false is wanted")
    who = asker(request)
    if ("all" in body or "tag" in body) and len(who.routes) < len(gateway.routes):
        raise forbidden("this needs access to every source", None)
    scope = read_scope(body, who)
    try:
        withdrawn = await gateway.invalidations.withdraw(scope, wait=wait)
    except TierError as error:
        raise ProblemError(503, "nothing was withdrawn: a tier does not answer") from error
    name = request[IDENTITY].name
    target = ":".join(filter(None, (scope.kind, scope.source, scope.value)))
    gateway.events.emit(Audited(who.tenant, name, "invalidated", target))
    removed = {"database": len(withdrawn.keys), "redis": withdrawn.unlinked}
    return web.Response(
        body=orjson.dumps({"position": withdrawn.position, "removed": removed}),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def read_scope(body: Mapping[str, Any], who: Asker) -> Scope:
    """Return what *body* names, as *who* may withdraw it; raise `ProblemError`."""
    if "all" in body:
        _only(body, "all")
        if body["all"] is not True:
            raise bad_body("/all", "true is wanted")
        return Scope("all", who.tenant)
    if "tag" in body:
        _only(body, "tag")
        return Scope("tag", who.tenant, value=_text(body["tag"], "/tag"))
    if "item" in body:
        _only(body, "item")
        return _item(body["item"], who)
    if "source" not in body:
        raise bad_body("", "one of source, tag, item and all is wanted")
    if "pattern" in body:
        _only(body, "source", "pattern")
        pattern = comparable(_text(body["pattern"], "/pattern"))
        return _of_source("pattern", _text(body["source"], "/source"), pattern, who)
    if len(body) == 1:
        return _of_source("source", _text(body["source"], "/source"), "", who)
    lookup = search_of(read_members(body), who).lookup
    return Scope("key", lookup.tenant, value=lookup.key)


def _item(item: object, who: Asker) -> Scope:
    if not isinstance(item, dict):
        raise bad_body("/item", "an object with source and id is wanted")
    _only(item, "source", "id", at="/item")
    number = item.get("id")
    if isinstance(number, int) and not isinstance(number, bool):
        number = str(number)
    source = _text(item.get("source"), "/item/source")
    return _of_source("item", source, _text(number, "/item/id"), who)


def _of_source(kind: Any, source: str, value: str, who: Asker) -> Scope:
    route = read_route(source, who.routes)
    tenant = SHARED_TENANT if route.share == "public" else who.tenant
    return Scope(kind, tenant, route.name, value)


def _only(body: Mapping[str, Any], *names: str, at: str = "") -> None:
    for name in body:
        if name not in names:
            raise bad_body(f"{at}/{name}", f"no such member beside {' and '.join(names)}")


def _text(value: object, pointer: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise bad_body(pointer, "a text is wanted")
    if len(value) > MAX_TEXT:
        raise bad_body(pointer, f"at most {MAX_TEXT} characters, not {len(value)}")
    return value
