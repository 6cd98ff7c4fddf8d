"""Requests as a mobile backend sends them: a key, its usual headers, a trace of its own in each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate

HEAD = (
    "GET /v1/search?source=bench&q=name+{} HTTP/1.1\r\n"
    "Host: bench\r\n"
    "Authorization: Bearer {}\r\n"
    "Accept: application/json\r\n"
    "Accept-Language: ko-KR,ko;q=0.9\r\n"
    "User-Agent: backend/1.0 okhttp/4.12\r\n"
    "traceparent: 00-{:032x}-{:016x}-01\r\n"
    "\r\n"
)


class Requests:
    """Asks for the first of *keys* names more often than for the second (Zipf, s = 1)."""

    def __init__(self, tokens: Sequence[str], keys: int, chance: random.Random) -> None:
        self._tokens = tokens
        self._names = range(keys)
        self._weights = list(accumulate(1 / rank for rank in range(1, keys + 1)))
        self._chance = chance

    def draw(self) -> bytes:
        """Return a request for a name, drawn."""
        [number] = self._chance.choices(self._names, cum_weights=self._weights)
        return self.of(number)

    def of_each_token(self) -> list[bytes]:
        """Return a request for the first name with each token."""
        return [self.of(0, token) for token in self._tokens]

    def of(self, number: int, token: str = "") -> bytes:
        """Return a request for the name *number*, with *token* or one that is drawn."""
        chance = self._chance
        trace = chance.getrandbits(128), chance.getrandbits(64)
        return HEAD.format(number, token or chance.choice(self._tokens), *trace).encode()
