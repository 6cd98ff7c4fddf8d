"""``GET /openapi.json``: what the routes take and give, for whoever asks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import orjson
from aiohttp import hdrs, web
from aiohttp.web_request import Request
from cachebox import LRUCache

from gateway.access.identity import UnknownCallerError
from gateway.route import Route
from gateway.web.admission import credential, visible
from gateway.web.keys import GATEWAY
from gateway.web.openapi.document import document
from gateway.web.pages import Page, given

_KEPT = 64
"""Descriptions that are kept: one for each set of sources that somebody may see."""


class Descriptions:
    """The descriptions that were asked for, each made once."""

    def __init__(self, *, anyone: bool) -> None:
        self._anyone = anyone
        self._made: LRUCache[frozenset[str], Page] = LRUCache(_KEPT)

    def of(self, routes: Mapping[str, Route]) -> Page:
        """Return the description for who may ask the sources of *routes*."""
        names = frozenset(routes)
        made: Page | None = self._made.get(names)
        if made is None:
            body = orjson.dumps(document(routes, anyone=self._anyone))
            made = Page(body, "application/json", hashlib.sha256(body).hexdigest()[:24])
            self._made.insert(names, made)
        return made


DESCRIPTIONS: Final = web.AppKey("descriptions", Descriptions)


async def description(request: Request) -> web.Response:
    """Describe every route; the sources and their parameters only to who may ask them."""
    gateway = request.app[GATEWAY]
    try:
        identity = await gateway.access.authenticator.identify(credential(request))
    except UnknownCallerError:
        routes: Mapping[str, Route] = {}
    else:
        routes = visible(identity, gateway.routes)
    page = request.app[DESCRIPTIONS].of(routes)
    return given(request, page, {hdrs.VARY: f"{hdrs.AUTHORIZATION}, {hdrs.ACCEPT_ENCODING}"})
