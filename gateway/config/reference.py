"""What may stand in ``config.yaml``, read off the types: for the schema and for the manual."""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin

import msgspec

from adapters.sources.units import Duration, Size
from gateway.config.sections import Config

_TIMES = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_SIZES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1))


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section."""

    name: str
    type: Any
    required: bool
    default: Any
    """As it would be written; None for a section of its own, or where there is none."""
    meaning: str


def structs(kind: Any = Config) -> Iterator[type[msgspec.Struct]]:
    """Yield *kind* and every section below it, each once, in the order of the file."""
    seen: dict[type[msgspec.Struct], None] = {}
    _collect(kind, seen)
    yield from seen


def keys(kind: type[msgspec.Struct]) -> list[Key]:
    """Return the keys of a section, in the order of its type."""
    meanings = _meanings(sys.modules[kind.__module__].__name__).get(kind.__name__, {})
    return [
        Key(
            name=field.encode_name,
            type=field.type,
            required=field.required,
            default=None if field.required else written(_default(field)),
            meaning=meanings.get(field.name, ""),
        )
        for field in msgspec.structs.fields(kind)
    ]


def members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or *kind* alone."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def is_section(kind: Any) -> bool:
    """Tell whether *kind* is a struct."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _collect(kind: Any, seen: dict[type[msgspec.Struct], None]) -> None:
    if not is_section(kind):
        for below in get_args(kind):
            _collect(below, seen)
    elif kind not in seen:
        seen[kind] = None
        for field in msgspec.structs.fields(kind):
            _collect(field.type, seen)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def written(value: Any) -> Any:
    """Return *value* as a file would say it: ``1d``, ``64MiB``, a list; None for a section."""
    if isinstance(value, msgspec.Struct):
        return None
    if isinstance(value, Duration):
        return f"{value * 1000:g}ms" if 0 < value < 1 else _with_unit(value, _TIMES)
    if isinstance(value, Size):
        return _with_unit(value, _SIZES)
    return list(value) if isinstance(value, tuple) else value


def _with_unit(value: float, units: tuple[tuple[str, int], ...]) -> str | int:
    if not value:
        return 0
    unit, worth = next((unit for unit in units if value % unit[1] == 0), units[-1])
    return f"{value / worth:g}{unit}"


@cache
def _meanings(module: str) -> dict[str, dict[str, str]]:
    """Return the texts that stand below the fields of the classes in *module*."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        node.name: dict(_texts_below_fields(node))
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def _texts_below_fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            yield field.target.id, " ".join(str(text.value.value).split())
