"""The JSON schema of ``config.yaml``, for editors; ``config.schema.json`` is its committed copy.

Not ``msgspec.json.schema``: that knows neither units nor the texts below the fields, and would
refuse ``port: ${LOOKUP_PORT:-8080}``.
"""

from __future__ import annotations

import inspect
import json
import types
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from adapters.sources.units import Duration, Size
from gateway.config.reference import Key, is_section, keys, members, structs
from gateway.config.sections import Config

_REFERENCE = {"type": "string", "pattern": r"\$\{"}
_NUMBER = r"[0-9]+(\.[0-9]+)?"
_LEAVES: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"anyOf": [{"type": "integer"}, _REFERENCE]},
    float: {"anyOf": [{"type": "number"}, _REFERENCE]},
    bool: {"anyOf": [{"type": "boolean"}, _REFERENCE]},
    Duration: {
        "anyOf": [
            {"const": 0},
            {"type": "string", "pattern": rf"^(0|({_NUMBER}(ms|s|m|h|d))+)$|\$\{{"},
        ],
        "examples": ["250ms", "90s", "15m", "6h", "7d"],
    },
    Size: {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": rf"^{_NUMBER}(B|KiB|MiB|GiB|kB|MB|GB)?$|\$\{{"},
        ],
        "examples": ["512KiB", "64MiB", "2GiB"],
    },
    types.NoneType: {"type": "null"},
    Any: {},
}


def schema() -> str:
    """Return the schema as JSON text."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lookup Gateway",
        **_section(Config),
        "required": ["sources"],
        "$defs": {kind.__name__: _section(kind) for kind in structs() if kind is not Config},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _section(kind: type[msgspec.Struct]) -> dict[str, Any]:
    own = keys(kind)
    return {
        "description": (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " "),
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: _property(key) for key in own},
        "required": [key.name for key in own if key.required],
    }


def _property(key: Key) -> dict[str, Any]:
    about = {"description": key.meaning} if key.meaning else {}
    default = {} if key.default is None else {"default": key.default}
    return _shape(key.type) | about | default


def _shape(kind: Any) -> dict[str, Any]:
    every = members(kind)
    if len(every) > 1:
        return {"anyOf": [_shape(member) for member in every]}
    if is_section(kind):
        return {"$ref": f"#/$defs/{kind.__name__}"}
    return _plain(get_origin(kind) or kind, get_args(kind))


def _plain(origin: Any, args: tuple[Any, ...]) -> dict[str, Any]:
    if origin is Literal:
        return {"anyOf": [{"enum": list(args)}, _REFERENCE]}
    if origin in (tuple, list):
        return {"type": "array", "items": _shape(args[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _shape(args[1])}
    if origin is Annotated:
        bounds = {"minimum": args[1].ge, "maximum": args[1].le}
        known = {name: bound for name, bound in bounds.items() if bound is not None}
        return {"anyOf": [{"type": "integer", **known}, _REFERENCE]}
    if issubclass(origin, Enum):
        return {"anyOf": [{"enum": [each.value for each in origin]}, _REFERENCE]}
    return _LEAVES[origin]
