"""Content codings: which one a client gets (RFC 9110 §12.5.3), and bodies in it, made once."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import brotli
from aiohttp import hdrs
from aiohttp.web_request import Request
from cachebox import LRUCache

from gateway.web.problems import ProblemError

if sys.version_info >= (3, 14):  # pragma: no cover - the standard library's own
    from compression import zstd
else:
    from backports import zstd

IDENTITY: Final = "identity"
MIN_BYTES = 512
"""A shorter body fits one packet anyway and only costs the time."""
BODY_OVERHEAD = 300
"""Bytes that a kept body takes beside its content: its key and its place."""

_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstd.compress(body, level=6),
    "br": lambda body: bytes(brotli.compress(body, quality=5)),
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),
}
"""The best first. The levels take about a millisecond for 70 KB: each body is made once."""
CODINGS = tuple(_ENCODERS)


@lru_cache(maxsize=512)
def negotiate(accept_encoding: str) -> str:
    """Return the coding that the header asks for; empty when it refuses all that there are.

    The highest weight wins, then our order. Without the header, or with one that names none of
    ours, a body is sent as it is.
    """
    weights = _weights(accept_encoding)
    rest = weights.get("*", 0.0)
    offered = {coding: weights.get(coding, rest) for coding in _ENCODERS}
    best = max(offered, key=lambda coding: offered[coding])
    plain = weights.get(IDENTITY)
    if offered[best] > 0 and offered[best] >= (plain or 0.0):
        return best
    # "*;q=0" refuses identity too, unless that is named itself (RFC 9110 §12.5.3).
    refused = plain == 0 or (plain is None and weights.get("*") == 0)
    return "" if refused else IDENTITY


def accepted(request: Request) -> str:
    """Return the coding of the answer to *request*; raise the `ProblemError` of a 406."""
    header = ",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ()))
    coding = negotiate(header)
    if not coding:
        raise ProblemError(406, f"answers are coded as one of {', '.join((*_ENCODERS, IDENTITY))}")
    return coding


def encode(body: bytes, coding: str) -> bytes:
    """Return *body* in *coding*; equal bodies give equal bytes."""
    return body if coding == IDENTITY else _ENCODERS[coding](body)


def worth(body: bytes, coding: str) -> str:
    """Return *coding*, or identity where *body* is too short to gain by it."""
    return coding if len(body) >= MIN_BYTES else IDENTITY


class EncodedBodies:
    """Bodies as they are sent, by content, view and coding: the last used, within *max_bytes*."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: LRUCache[tuple[str, str, str], tuple[bytes, str]] = LRUCache(
            max(max_bytes, 1), getsizeof=lambda _key, kept: len(kept[0]) + BODY_OVERHEAD
        )

    @property
    def size(self) -> int:
        """Bytes that the kept bodies take."""
        return int(self._kept.current_size())

    def find(self, content: str, view: str, coding: str) -> tuple[bytes, str] | None:
        """Return what `get` would, if it is kept."""
        kept: tuple[bytes, str] | None = self._kept.get((content, view, coding))
        return kept

    def get(
        self, content: str, view: str, coding: str, make: Callable[[], bytes]
    ) -> tuple[bytes, str]:
        """Return the body that *make* makes in *coding*, and the coding that it has."""
        key = content, view, coding
        kept: tuple[bytes, str] | None = self._kept.get(key)
        if kept is None:
            body = make()
            fitting = worth(body, coding)
            kept = encode(body, fitting), fitting
            # What is joined from kept bytes anyway is not kept a second time.
            whole = fitting == IDENTITY and not view
            if not whole and len(kept[0]) + BODY_OVERHEAD <= self._max_bytes:
                self._kept.insert(key, kept)
        return kept


def _weights(accept_encoding: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for member in accept_encoding.lower().split(","):
        coding, _, parameters = member.partition(";")
        name = coding.strip()
        if name:
            weights["gzip" if name == "x-gzip" else name] = _weight(parameters)
    return weights


def _weight(parameters: str) -> float:
    """Return the quality value; one that cannot be read refuses the coding."""
    name, _, value = parameters.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
