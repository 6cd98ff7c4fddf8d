"""The tier in Redis, which replicas share: quick, and gone around when it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from storage.entry import CorruptEntryError, Entry, decode
from storage.observation import Observer, PoolState
from storage.redis_address import parse_address
from storage.redis_clients import make_client
from storage.redis_link import OnChange, OnReturn, RedisLink
from storage.tier import TierError

KEYS_PER_UNLINK = 500


def make_redis(
    url: str,
    *,
    prefix: str,
    timeout: float,
    on_change: OnChange,
    ca: str = "",
    sentinel_password: str = "",
) -> RedisTier:
    """Return the tier in the Redis at *url*; nothing is connected before it is asked.

    Raise ValueError for a URL that is none.
    """
    client = make_client(
        parse_address(url), timeout=timeout, ca=ca, sentinel_password=sentinel_password
    )
    return RedisTier(RedisLink(client, timeout, on_change), prefix)


class RedisTier:
    """Keeps entries as values that Redis forgets when nobody needs them any more.

    Reads that come together are one MGET, writes one pipeline. A lost Redis costs one timeout
    and is refused from then on, until it answers again and *on_return* has brought it up to
    date; nothing is ever tried twice. The tier owns *link* and closes it.
    """

    name = "redis"

    def __init__(self, link: RedisLink, prefix: str) -> None:
        self.link = link
        self._prefix = prefix

    def observe(self, observer: Observer) -> None:
        """Tell *observer* of each round trip from now on."""
        self.link.observer = observer

    def pools(self) -> dict[str, PoolState]:
        """Return the state of the one pool."""
        return {self.name: self.link.pool}

    async def get(self, key: str) -> Entry | None:
        """Return the entry or None; raise `CorruptEntryError` on foreign bytes, or `TierError`."""
        value = await self.link.get(self._prefix + _text(key))
        if value is None:
            return None
        entry = decode(value)
        if entry.key != key:
            raise CorruptEntryError("the entry is that of another key")
        return entry

    async def put(self, entry: Entry) -> None:
        """Keep *entry* until its ``keep_until``, in place of what stood there, or `TierError`."""
        expires = max(1, int(entry.keep_until * 1000))
        key = self._prefix + _text(entry.key)
        await self.link.send("SET", key, entry.packed, "PXAT", expires)

    async def drop(self, keys: Sequence[str]) -> int:
        """Forget *keys*; return how many of them it had, or raise `TierError`."""
        return await self.unlink(keys)

    async def unlink(self, keys: Sequence[str]) -> int:
        """Forget *keys*, all or `TierError`; return how many of them it had."""
        removed = 0
        doomed = [self._prefix + _text(key) for key in dict.fromkeys(keys)]
        for start in range(0, len(doomed), KEYS_PER_UNLINK):
            removed += await self._unlink(doomed[start : start + KEYS_PER_UNLINK])
        return removed

    def on_return(self, hook: OnReturn) -> None:
        """Have *hook* awaited before Redis is used again after a loss.

        It brings up to date what Redis has missed: within it, and only there, the tier works
        already. What it raises (`TierError`) tells that Redis is not back yet.
        """
        self.link.on_return(hook)

    async def ping(self) -> None:
        """Return if Redis answers in time; raise `TierError` saying why it cannot."""
        await self.link.ping()

    async def close(self) -> None:
        """Finish what was asked for and close all connections."""
        await self.link.close()

    async def _unlink(self, keys: list[str]) -> int:
        if self.link.scattered:
            commands = [self.link.send("UNLINK", key) for key in keys]
            return sum(await asyncio.gather(*commands))
        return int(await self.link.send("UNLINK", *keys))


def _text(key: str) -> str:
    if key.isascii():
        return key
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise TierError("redis: a key that no UTF-8 can hold") from error
    return key
