"""Headers of answers, by name: what each says, and its schema."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_TOLD: Mapping[str, tuple[str, str]] = {
    "X-Request-Id": ("string", "The request's id: the client's own if it is sane, else a new one."),
    "Cache-Status": (
        "string",
        "How the answer was come by (RFC 9211): `lookup-gateway; hit; ttl=3599; detail=memory`, "
        "or `lookup-gateway; fwd=miss; stored`; a negative `ttl` is stale.",
    ),
    "Age": ("string", "Seconds since the upstream said so (RFC 9111 §5.1)."),
    "ETag": ("string", "For `If-None-Match`: a `304` when nothing has changed."),
    "Cache-Control": ("string", "For how long caches on the way may keep it (RFC 5861)."),
    "Vary": ("string", "What of the request shapes the answer."),
    "Server-Timing": (
        "string",
        "Where the time went, in milliseconds: the whole lookup first, then each step with the "
        "moment at which it began (`start`).",
    ),
    "Retry-After": ("string", "Seconds after which it is worth trying again."),
    "WWW-Authenticate": ("string", "How to prove who asks (RFC 6750 §3)."),
    "RateLimit": ("string", "What is left of the client's quota, where it has one."),
    "RateLimit-Policy": ("string", "The client's quota, where it has one."),
}

HEADERS: Mapping[str, Any] = MappingProxyType(
    {name: {"description": told, "schema": {"type": kind}} for name, (kind, told) in _TOLD.items()}
)
"""Header objects (OpenAPI 3.1 §4.8.21)."""

ANSWER = ("Cache-Status", "Age", "ETag", "Server-Timing")
"""Of the answers to lookups."""
