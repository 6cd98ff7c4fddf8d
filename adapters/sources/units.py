"""Durations and sizes as people write them: ``90s``, ``15m``, ``6h``, ``7d``; ``64MiB``."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

import msgspec

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(B|KiB|MiB|GiB|kB|MB|GB)?")
_BYTES = {
    "": 1,
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}

Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Duration(float):
    """Seconds; in YAML a text such as ``10s``, or ``0``."""

    __slots__ = ()


class Size(int):
    """Bytes; in YAML a text such as ``64MiB``, or a bare number."""

    __slots__ = ()


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a source's configuration; unknown keys are errors."""


def seconds(default: float) -> Any:
    """Declare a field of `Duration` that is *default* seconds.

    By a factory, since ``msgspec.json.schema`` cannot write a default of a type of ours.
    """
    return msgspec.field(default_factory=partial(Duration, default))


def parse_duration(value: object) -> Duration:
    """Return *value* (``90s``, ``1h30m``, ``0``) in seconds; raise ValueError that names it."""
    text = str(value).strip()
    if text == "0":
        return Duration(0)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{value!r} is no duration: write 250ms, 90s, 15m, 6h or 7d")
    return Duration(sum(float(number) * _SECONDS[unit] for number, unit in parts))


def parse_size(value: object) -> Size:
    """Return *value* (``64MiB``, ``1048576``) in bytes; raise ValueError that names it."""
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is no size: write 512KiB, 64MiB or 2GiB")
    return Size(float(match[1]) * _BYTES[match[2] or ""])


def dec_hook(kind: type, value: object) -> Any:
    """Build the types of this module for ``msgspec.convert``; raise ValueError on a wrong value."""
    if kind is Duration:
        return parse_duration(value)
    if kind is Size:
        return parse_size(value)
    raise NotImplementedError(kind)


def schema_hook(kind: type) -> dict[str, Any]:
    """Describe the types of this module for ``msgspec.json.schema``."""
    if kind is Duration:
        return {"type": ["string", "integer"], "examples": ["250ms", "90s", "15m", "6h", "7d"]}
    if kind is Size:
        return {"type": ["string", "integer"], "examples": ["512KiB", "64MiB", "2GiB"]}
    raise NotImplementedError(kind)
