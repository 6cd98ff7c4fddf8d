"""Turns plain YAML values into typed sections and names every fault, not only the first.

``msgspec.convert`` stops at its first error and knows neither near misses nor secrets, so
structs, lists and mappings are walked here and only their leaves are left to it.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from adapters.sources.units import Duration, Size, dec_hook
from gateway.config.environment import FromEnvironment
from gateway.config.faults import Fault, join

Section = TypeVar("Section", bound=msgspec.Struct)

_WANTED: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Duration: "a duration such as 90s, 15m, 6h or 7d",
    Size: "a size such as 512KiB, 64MiB or 2GiB",
    tuple: "a list",
    dict: "a mapping of keys",
    type(None): "nothing",
}


def shape(kind: type[Section], value: Any, path: str, faults: list[Fault]) -> Section | None:
    """Return *value* as a *kind*, or None after adding what is wrong to *faults*."""
    before = len(faults)
    built = _build(kind, value, path, faults)
    return built if len(faults) == before else None


def _build(kind: Any, value: Any, path: str, faults: list[Fault]) -> Any:
    kind = _chosen(kind, value)
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _build_struct(kind, value, path, faults)
    if origin is dict and isinstance(value, dict):
        return {key: _entry(args[1], key, below, path, faults) for key, below in value.items()}
    if origin in (tuple, list) and isinstance(value, list):
        items = [_build(args[0], item, join(path, i), faults) for i, item in enumerate(value)]
        return origin(items)
    return _build_leaf(kind, value, path, faults)


def _chosen(kind: Any, value: Any) -> Any:
    """Return the member of a union that *value* is meant for; a union of leaves stays whole."""
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    if value is None and type(None) in get_args(kind):
        return type(None)
    members = [member for member in get_args(kind) if member is not type(None)]
    for member in members:
        mapping = isinstance(member, type) and issubclass(member, msgspec.Struct)
        if isinstance(value, dict) and (mapping or get_origin(member) is dict):
            return member
        if isinstance(value, list) and get_origin(member) in (tuple, list):
            return member
    return members[0] if len(members) == 1 else kind


def _entry(kind: Any, key: Any, value: Any, path: str, faults: list[Fault]) -> Any:
    if not isinstance(key, str):
        faults.append(Fault(join(path, str(key)), "a key is text: put it in quotes"))
    return _build(kind, value, join(path, str(key)), faults)


def _build_struct(
    kind: type[msgspec.Struct], value: Any, path: str, faults: list[Fault]
) -> msgspec.Struct | None:
    if value is None:  # a section whose lines are all commented out
        value = {}
    if not isinstance(value, dict):
        faults.append(Fault(path, f"{_shown(value)}: expected a mapping of keys"))
        return None
    before = len(faults)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    built = {}
    for key, below in value.items():
        if key in fields:
            field = fields[key]
            built[field.name] = _build(field.type, below, join(path, key), faults)
        else:
            faults.append(Fault(join(path, str(key)), _unknown(str(key), fields)))
    for name, field in fields.items():
        if field.required and name not in value:
            faults.append(Fault(join(path, name), "is missing"))
    if len(faults) > before:
        return None
    try:
        return kind(**built)
    except ValueError as error:
        faults.append(Fault(path, _without_secrets(str(error), value)))
        return None


def _build_leaf(kind: Any, value: Any, path: str, faults: list[Fault]) -> Any:
    # A text from the environment may stand for a number: ``port: ${LOOKUP_PORT:-8080}``.
    strict = not isinstance(value, FromEnvironment)
    try:
        return msgspec.convert(_plain(value), kind, strict=strict, dec_hook=dec_hook)
    except msgspec.ValidationError as error:
        faults.append(Fault(path, f"{_shown(value)}: expected {_wanted(kind, str(error))}"))
        return None


def _wanted(kind: Any, error: str) -> str:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(_wanted(member, error) for member in args)
    if origin is Annotated:
        bound = error.removeprefix("Expected ").partition(",")[0].replace("`", "")
        return bound.replace("int", _WANTED[int], 1).replace("float", _WANTED[float], 1)
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in args)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _WANTED[dict]
    return _WANTED[origin or kind]


def _unknown(key: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "known here: " + ", ".join(sorted(known))
    return f"unknown key; {hint}"


def _plain(value: Any) -> Any:
    return str.__str__(value) if isinstance(value, FromEnvironment) else value


def _shown(value: Any) -> str:
    if isinstance(value, FromEnvironment):
        return value.written
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return msgspec.json.encode(value, enc_hook=str).decode()


def _without_secrets(message: str, value: Any) -> str:
    """Put what the file says in place of every value from the environment."""
    if isinstance(value, FromEnvironment) and value:
        return message.replace(_plain(value), value.written)
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in below:
        message = _without_secrets(message, item)
    return message
