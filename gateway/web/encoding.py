"""Content codings that a client takes, and the one that an answer gets (RFC 9110 §12.5.3)."""

from __future__ import annotations

import gzip

MIN_BYTES = 512
"""A shorter body fits one packet anyway and only costs the time."""
_LEVEL = 5


def wants_gzip(accept_encoding: str) -> bool:
    """Tell whether ``Accept-Encoding`` allows gzip; without the header nothing is encoded."""
    if not accept_encoding:
        return False
    weights: dict[str, float] = {}
    for member in accept_encoding.lower().split(","):
        coding, _, parameters = member.partition(";")
        weights[coding.strip()] = _weight(parameters)
    gzip_weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip_weight > 0 and gzip_weight >= weights.get("identity", 0.0)


def compress(body: bytes) -> bytes:
    """Return *body* in gzip; equal bodies give equal bytes."""
    return gzip.compress(body, _LEVEL, mtime=0)


def _weight(parameters: str) -> float:
    """Return the quality value; one that cannot be read refuses the coding."""
    name, _, value = parameters.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
