"""What a file asks for: text, CSV or JSONL, by the ending of its name."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from gateway.parameters import BadLookupError

FROM = "--from"
"""What is wrong where a whole line is, and no member of it."""
_OWN = ("source", "keyword", "lang", "context")


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of a file."""

    q: str
    source: str = ""
    """Empty: each source that was chosen."""
    keyword: str = ""
    lang: str = ""
    context: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


def read_file(path: Path) -> Iterator[tuple[int, Asked]]:
    """Yield what *path* asks for, each with the number of its line.

    Raise `BadLookupError` for a line that is none, OSError for the file.
    """
    kinds = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from kinds.get(path.suffix.lower(), _text)(lines)
    except UnicodeDecodeError as error:
        raise BadLookupError(FROM, f"{path} is not UTF-8") from error
    except csv.Error as error:
        raise BadLookupError(FROM, f"{path}: {error}") from error


def _text(lines: Iterator[str]) -> Iterator[tuple[int, Asked]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, Asked(line.strip())


def _csv(lines: Iterator[str]) -> Iterator[tuple[int, Asked]]:
    rows = csv.DictReader(lines, strict=True)
    for row in rows:
        if None in row:
            raise BadLookupError(FROM, f"line {rows.line_num} has more cells than the header")
        given = {name.strip(): (value or "").strip() for name, value in row.items()}
        yield rows.line_num, _asked({name: value for name, value in given.items() if value})


def _jsonl(lines: Iterator[str]) -> Iterator[tuple[int, Asked]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadLookupError(FROM, f"line {number} is no JSON: {error}") from error
        yield number, Asked(value) if isinstance(value, str) else _of_object(value, number)


def _of_object(value: Any, number: int) -> Asked:
    if not isinstance(value, dict):
        raise BadLookupError(FROM, f"line {number} is neither a text nor an object")
    members = {**value, **_object(value.get("params"))}
    members.pop("params", None)
    given = {name: member for name, member in members.items() if member is not None}
    for name, member in given.items():
        if not isinstance(member, str | int | float):
            raise BadLookupError(name, f"line {number}: a text or a number is wanted")
    return _asked({name: str(member) for name, member in given.items()})


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _asked(given: dict[str, str]) -> Asked:
    own = {name: given.pop(name) for name in _OWN if name in given}
    return Asked(given.pop("q", ""), params=given, **own)
