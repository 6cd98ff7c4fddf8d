"""Writes the tables of ``docs/configuration.md``: ``python -m gateway.config.manual FILE``.

A test holds the committed file to what this writes, so that it says every key.
"""

from __future__ import annotations

import json
import re
import sys
import types
from collections.abc import Iterable, Iterator
from enum import Enum, EnumType
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from adapters.sources.units import Duration, Size
from gateway.config.reference import Key, is_section, keys, members
from gateway.config.sections import Config

BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->\n"
_CODE = re.compile(r"``([^`]+)``")
_WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Duration: "duration",
    Size: "size",
    Any: "anything",
    types.NoneType: "nothing",
}


def with_tables(text: str) -> str:
    """Return *text* with the tables between its two marks written anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def tables() -> str:
    """Return a heading and a table for every section, in the order of the file."""
    places = _places()
    return "\n".join(
        "\n".join((_heading(kind, paths), "", *_table(kind), "")) for kind, paths in places.items()
    ).rstrip("\n") + ("\n")


def _places() -> dict[type[msgspec.Struct], list[str]]:
    """Return every section and the paths at which it may stand."""
    found: dict[type[msgspec.Struct], list[str]] = {}
    _place(Config, "", found)
    return found


def _place(kind: Any, path: str, found: dict[type[msgspec.Struct], list[str]]) -> None:
    if is_section(kind):
        found.setdefault(kind, []).append(path)
        for key in keys(kind):
            _place(key.type, f"{path}.{key.name}" if path else key.name, found)
        return
    origin = get_origin(kind)
    suffix = "[]" if origin in (tuple, list) else ".NAME" if origin is dict else ""
    for below in get_args(kind):
        _place(below, path + suffix, found)


def _heading(kind: type[msgspec.Struct], paths: list[str]) -> str:
    places = ", ".join(f"`{path}`" for path in dict.fromkeys(paths) if path)
    return f"### {places or 'The file'}"


def _table(kind: type[msgspec.Struct]) -> Iterator[str]:
    yield "| key | what | default | meaning |"
    yield "|---|---|---|---|"
    for key in keys(kind):
        default = "required" if key.required else _default(key)
        yield f"| `{key.name}` | {_what(key.type)} | {default} | {_cell(key.meaning)} |"


def _default(key: Key) -> str:
    if key.default in (None, [], {}, ""):
        return ""
    value = key.default
    bare = isinstance(value, str) and value.strip() == value
    return f"`{value if bare else json.dumps(value, ensure_ascii=False)}`"


def _what(kind: Any) -> str:
    every = [member for member in members(kind) if member is not types.NoneType]
    return " or ".join(_one(get_origin(member) or member, get_args(member)) for member in every)


def _one(origin: Any, args: tuple[Any, ...]) -> str:
    if is_section(origin):
        return "section"
    if origin is Literal or isinstance(origin, EnumType):
        return ", ".join(f"`{choice}`" for choice in _choices(origin, args))
    if origin is Annotated:
        return _what(args[0])
    if origin in (tuple, list):
        return f"list of {_what(args[0])}"
    if origin is dict:
        return f"{_what(args[1])} by name"
    return _WORDS[origin]


def _choices(origin: Any, args: tuple[Any, ...]) -> Iterable[Any]:
    return [choice.value for choice in list[Enum](origin)] if isinstance(origin, EnumType) else args


def _cell(text: str) -> str:
    return _CODE.sub(r"`\1`", text).replace("|", "\\|")


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")
