"""The generic cell rate algorithm (ITU-T I.371), which spreads requests evenly. Pure; in seconds.

What a client has asked for is one number: when its requests would have been made, had they come
evenly. It may run ahead of the clock by one window.
"""

from __future__ import annotations

from math import ceil


def after(due: float, now: float, apart: float) -> float:
    """Return what *due* becomes by a request at *now* that weighs *apart*."""
    return (due if due > now else now) + apart  # noqa: FURB136 - max() takes twice as long


def left(used: float, seconds: float, apart: float) -> int:
    """Return how many requests may follow where so many of a window's *seconds* are *used*."""
    return int((seconds - used) / apart + 1e-6)


def reset(used: float, seconds: float) -> int:
    """Return in how many whole seconds all of a window is there again."""
    return ceil(min(used, seconds))
