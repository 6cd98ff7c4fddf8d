"""Whole numbers as they stand in a head: most of them are small, and written already."""

from __future__ import annotations

from typing import Final

_WRITTEN: Final = tuple(b"%d" % number for number in range(10_000))
_MILLISECONDS: Final = tuple(b"%.3f" % (number / 1000) for number in range(1000))
"""Of less than one, by microseconds: numbers with a point are dear to write."""


def decimal(number: int) -> bytes:
    """Return *number* in decimal digits."""
    if 0 <= number < 10_000:
        return _WRITTEN[number]
    return b"%d" % number


def milliseconds(seconds: float) -> bytes:
    """Return *seconds*, not less than 0, in milliseconds with three places."""
    return _MILLISECONDS[int(seconds * 1e6)] if seconds < 0.001 else b"%.3f" % (seconds * 1000)
