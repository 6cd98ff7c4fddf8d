"""What an upstream says of our limit: ``RateLimit``, ``X-RateLimit-*`` and their kin; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Literal

Unit = Literal["auto", "s", "ms"]

_REMAINING = ("RateLimit-Remaining", "X-RateLimit-Remaining", "X-Rate-Limit-Remaining")
_RESET = (
    "RateLimit-Reset",
    "X-RateLimit-Reset",
    "X-Rate-Limit-Reset",
    "X-RateLimit-Reset-After",
)
_FIELD = re.compile(r"(?:^|[;,\s])(r|remaining|t|reset)\s*=\s*(-?\d+)")
_GO = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")
_GO_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_UNIX = 1e9
"""A number of seconds that is greater is a time: 2001 and later."""
_UNIX_MS = 1e12
LONGEST = 86_400.0 * 31
"""No limit lasts longer; what says so is not believed."""


def seconds_until_more(
    headers: Mapping[str, str], now: float, *, remaining: str = "", reset: str = "", unit: Unit
) -> float | None:
    """Return for how long no call is left, None where one is or nothing is said of it.

    *remaining* and *reset* name headers beside the usual ones; *now* is in Unix seconds. Where
    several windows stand in ``RateLimit``, the longest that is spent counts.
    """
    windows = headers.get("RateLimit")
    waits = [wait for left, wait in _spent(windows) if left <= 0] if windows else []
    left_text = _first(headers, (remaining, *_REMAINING))
    if _count(left_text) == 0:
        waits.append(read_reset(_first(headers, (reset, *_RESET)), now, unit))
    if not waits:
        return None
    known = [wait for wait in waits if wait is not None and 0 < wait <= LONGEST]
    return max(known, default=None)


def read_reset(text: str, now: float, unit: Unit = "auto") -> float | None:
    """Return the seconds from *now* until *text*; None where it says nothing (``-1``, ``soon``).

    It may be seconds or milliseconds from now, Unix time in either, a Go duration (``6m0s``), an
    RFC 3339 instant or an HTTP date (``api-quirks`` §13, limit headers).
    """
    text = text.strip()
    number = _number(text)
    if number is not None:
        return _from_number(number, now, unit)
    pieces = _GO.findall(text)
    if pieces and "".join(count + name for count, name in pieces) == text:
        return sum(float(count) * _GO_SECONDS[name] for count, name in pieces)
    at = _instant(text)
    return None if at is None else max(0.0, at - now)


def _spent(text: str) -> Iterator[tuple[int, float | None]]:
    """Yield what is left, and for how long, of each window of a ``RateLimit`` header.

    Drafts 3 to 7 write ``limit=10, remaining=0, reset=5`` and later ones ``"day";r=0;t=5``.
    """
    for window in [text] if "remaining" in text else text.split(","):
        found = {name: int(value) for name, value in _FIELD.findall(window)}
        left = found.get("r", found.get("remaining"))
        wait = found.get("t", found.get("reset"))
        if left is not None:
            yield left, None if wait is None else float(wait)


def _from_number(number: float, now: float, unit: Unit) -> float | None:
    if number < 0:
        return None
    if unit == "ms":
        return number / 1000
    if unit == "auto" and number >= _UNIX_MS:
        return max(0.0, number / 1000 - now)
    if unit == "auto" and number >= _UNIX:
        return max(0.0, number - now)
    return number


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        if name and name in headers:
            return headers[name]
    return ""


def _count(text: str) -> int | None:
    number = _number(text)
    return None if number is None else int(number)


def _number(text: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _instant(text: str) -> float | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(text)
        except (ValueError, TypeError, IndexError):
            continue
        if at.tzinfo is not None:
            return at.timestamp()
    return None
