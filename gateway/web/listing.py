"""``GET /v1/sources``: what can be asked."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from adapters.sources.spec import ParamSpec
from gateway.route import Route
from gateway.web.admission import asker


async def sources(request: Request) -> web.Response:
    """List every source with its description, its own parameters and whom it credits."""
    routes = asker(request).routes
    listed = {"sources": [_source(route) for route in routes.values()]}
    return web.Response(
        body=orjson.dumps(listed),
        content_type="application/json",
        headers={"Cache-Control": "no-cache"},
    )


def _source(route: Route) -> dict[str, Any]:
    credit = route.attribution
    return {
        "name": route.name,
        "description": route.description,
        "language": route.language,
        "parameters": [_parameter(name, spec) for name, spec in route.params.items()],
        "context": {name: list(values) for name, values in route.context.items()},
        "fields": sorted({"id", *route.fields}) if route.fields else [],
        "attribution": {"text": credit.text, "url": credit.url, "license": credit.license},
    }


def _parameter(name: str, spec: ParamSpec) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": name,
        "type": spec.type,
        "description": spec.description,
        "required": spec.required,
        "default": spec.default or None,
        "enum": list(spec.enum) or None,
        "min": spec.min,
        "max": spec.max,
        "together": list(spec.together) or None,
    }
    return {member: value for member, value in told.items() if value is not None}
