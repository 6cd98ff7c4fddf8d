"""The journal of all replicas: a Redis stream, which other services may read as well."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from storage.journal import BEGINNING, KEPT, Line
from storage.redis_channels import RedisChannels
from storage.redis_link import RedisLink, Script
from storage.tier import TierError

STREAM = "{events}"
"""After the prefix. In braces: the marks of what is told once stand with it in a Cluster."""
PENDING = 10_000
"""Lines that wait at most while Redis is away; beyond that the oldest are lost."""
REMEMBERED = 86_400
"""Seconds for which a line that is told once is remembered."""
_PAUSE = 0.25

_APPEND = Script("""
if ARGV[3] ~= '' and
   not redis.call('SET', KEYS[1] .. ':' .. ARGV[3], 1, 'NX', 'EX', ARGV[4]) then
  return false
end
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'event', ARGV[1])
""")


class RedisJournal:
    """A journal over *link*; *channels* tell that there is news."""

    def __init__(self, link: RedisLink, channels: RedisChannels, prefix: str) -> None:
        self.news = asyncio.Event()
        self._link = link
        self._channels = channels
        self._key = prefix + STREAM
        self._pending: deque[tuple[bytes, str]] = deque(maxlen=PENDING)
        self._writing: asyncio.Task[None] | None = None
        channels.subscribe("events", lambda _message: self._tell())
        channels.on_gap(self._tell)

    def append(self, body: bytes, once: str = "") -> None:
        """Keep *body*, behind the caller; of several with the same *once* the first."""
        self._pending.append((body, once))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def since(self, after: str, limit: int) -> list[Line]:
        """Return the lines after that id, the oldest first; raise `TierError`."""
        rows = await self._link.send("XRANGE", self._key, f"({after}", "+", "COUNT", limit)
        return [Line(id_.decode(), fields[b"event"]) for id_, fields in rows]

    async def whole(self, after: str) -> bool:
        """Say whether every line after that id is still kept; raise `TierError`."""
        if not await self._link.send("EXISTS", self._key):
            return True
        facts = await self._link.send("XINFO STREAM", self._key)
        first = facts["first-entry"]
        if first is None or facts.get("entries-added", 0) == facts["length"]:
            return True
        return _order(after) >= _order(first[0].decode())

    async def latest(self) -> str:
        """Return the id of the last line; raise `TierError`."""
        rows = await self._link.send("XREVRANGE", self._key, "+", "-", "COUNT", 1)
        return rows[0][0].decode() if rows else BEGINNING

    async def close(self) -> None:
        """Write what can be written at once."""
        if self._writing is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._writing

    async def _write(self) -> None:
        while self._pending:
            batch = list(self._pending)
            self._pending.clear()
            done = await asyncio.gather(*(self._put(*line) for line in batch))
            left = [line for line, kept in zip(batch, done, strict=True) if not kept]
            if left:
                # They come first, as far as there is room beside what came meanwhile.
                room = PENDING - len(self._pending)
                self._pending.extendleft(reversed(left[-room:] if room else []))
                await asyncio.sleep(_PAUSE)
            else:
                self._channels.publish("events", b"")

    async def _put(self, body: bytes, once: str) -> bool:
        try:
            await self._link.run(_APPEND, self._key, body, KEPT, once, REMEMBERED)
        except TierError:
            return False
        return True

    def _tell(self) -> None:
        news, self.news = self.news, asyncio.Event()
        news.set()


def _order(text: str) -> tuple[int, int]:
    time, _, number = text.partition("-")
    return int(time), int(number or 0)
