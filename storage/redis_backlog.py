"""What Redis has and the database may lack: one sorted set of keys, by when they were noted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from storage.batching import Batcher
from storage.redis_link import RedisLink

AT_ONCE = 1000


class RedisBacklog:
    """The keys that are written behind, of all processes; *clock* gives Unix time.

    The times only keep processes from doing each other's work: what is written twice is no fault.
    """

    def __init__(
        self, link: RedisLink, prefix: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._link = link
        self._name = f"{prefix}unwritten"
        self._clock = clock
        self._notes: Batcher[str, None] = Batcher(
            lambda keys: asyncio.ensure_future(self._note(keys)), AT_ONCE
        )

    async def note(self, key: str) -> None:
        """Remember *key*; raise `TierError`."""
        await self._notes.submit(key)

    async def done(self, keys: Sequence[str]) -> None:
        """Forget *keys*; raise `TierError`."""
        for start in range(0, len(keys), AT_ONCE):
            await self._link.send("ZREM", self._name, *keys[start : start + AT_ONCE])

    async def left(self, older_than: float) -> list[str]:
        """Return keys noted more than *older_than* seconds ago, or `TierError`."""
        last = f"{self._clock() - older_than:.3f}" if older_than else "+inf"
        found = await self._link.send("ZRANGEBYSCORE", self._name, "-inf", last)
        return [key.decode() for key in found]

    async def _note(self, keys: Sequence[str]) -> Sequence[None]:
        now = f"{self._clock():.3f}"
        scored = (word for key in keys for word in (now, key))
        await self._link.send("ZADD", self._name, *scored)
        return [None] * len(keys)
