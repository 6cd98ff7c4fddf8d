"""Moments as people and programs read them: RFC 3339, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def instant(at: float, places: int = 0) -> str:
    """Return *at* (Unix seconds) cut to so many *places*, at most 6, behind the second."""
    second, micro = divmod(round(at * 1e6), 1_000_000)
    whole = _to_the_second(second)
    return f"{whole}.{micro // 10 ** (6 - places):0{places}d}Z" if places else f"{whole}Z"


@lru_cache(maxsize=256)
def _to_the_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
