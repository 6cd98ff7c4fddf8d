"""Access lines of hits that are answered before their request is parsed: some of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf, log1p
from random import getrandbits, random
from time import monotonic

import structlog

from gateway.access.identity import Identity

_TRACEPARENT = re.compile(rb"(?i)\r\ntraceparent:[\t ]*[0-9a-f]{2}-([0-9a-f]{32})-")


MOST = 20
"""Lines a second where only a share of hits is told: ten thousand hits tell no more by more."""


class HitLog:
    """Tells of a *share* of hits, with the members that other access lines have."""

    def __init__(self, share: float, clock: Callable[[], float] = monotonic) -> None:
        self._share = share
        self._clock = clock
        self._second = 0
        self._drawn = 0
        self._scale = log1p(-share) if share < 1 else -inf
        self._log = structlog.get_logger("gateway.access")

    def draw(self) -> float:
        """Return how many hits pass before the next is told of.

        Drawn once for all of them (geometrically), and not once for each.
        """
        if self._share <= 0:
            return inf
        return log1p(-random()) // self._scale  # noqa: S311 - no secret

    @property
    def room(self) -> bool:
        """Whether a hit may be told of in this second, which counts as told."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._drawn = second, 0
        self._drawn += 1
        return self._drawn <= MOST or self._share >= 1

    def tell(
        self, data: bytes, reply: bytes, source: str, identity: Identity, seconds: float
    ) -> None:
        """Tell that the request in *data* got *reply*, the answer of *source*."""
        head = reply.partition(b"\r\n\r\n")[0]
        lines = dict(line.partition(": ")[::2] for line in head.decode("latin-1").split("\r\n"))
        found = _TRACEPARENT.search(data)
        self._log.info(
            "request",
            method="GET",
            path="/v1/search",
            status=int(head[9:12]),
            bytes=len(reply),
            ms=round(seconds * 1000, 3),
            cache=lines.get("Cache-Status"),
            request_id=lines.get("X-Request-Id"),
            tenant=identity.tenant,
            who=identity.name,
            source=source,
            trace_id=found[1].decode().lower() if found else f"{getrandbits(128):032x}",
        )
