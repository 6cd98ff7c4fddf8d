"""Parameters that sources declare, as schemas; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.sources.spec import ParamSpec
from gateway.route import Route


def declared(routes: Mapping[str, Route]) -> list[dict[str, Any]]:
    """Return what the sources of *routes* take beside the parameters of every search.

    One that some source needs is optional all the same: another source does not take it.
    """
    named: dict[str, dict[str, ParamSpec]] = {}
    for route in routes.values():
        for name, spec in route.params.items():
            named.setdefault(name, {})[route.name] = spec
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": "; ".join(_told(source, spec) for source, spec in specs.items()),
            "schema": _schema(specs),
        }
        for name, specs in sorted(named.items())
    ]


def _told(source: str, spec: ParamSpec) -> str:
    needed = " (required)" if spec.required else ""
    return f"`{source}`{needed}: {spec.description}" if spec.description else f"`{source}`{needed}"


def _schema(specs: Mapping[str, ParamSpec]) -> dict[str, Any]:
    schemas: list[dict[str, Any]] = []
    for spec in specs.values():
        schema = schema_of(spec)
        if schema not in schemas:
            schemas.append(schema)
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def schema_of(spec: ParamSpec) -> dict[str, Any]:
    """Return the JSON Schema of the values that *spec* lets through."""
    if spec.type != "text":
        bounds = {"minimum": spec.min, "maximum": spec.max}
        kind = "integer" if spec.type == "int" else "number"
        return {
            "type": kind,
            **{name: bound for name, bound in bounds.items() if bound is not None},
        }
    schema: dict[str, Any] = {"type": "string", "maxLength": spec.max_length}
    if spec.enum:
        schema["enum"] = list(spec.enum)
    if spec.pattern:
        # The whole value must match; JSON Schema looks for a part that does.
        schema["pattern"] = f"^(?:{spec.pattern})$"
    if spec.default:
        schema["default"] = spec.default
    return schema
