"""Leases in Redis: two commands for each work, one for each replica that waits, no polling.

The value of a key says who owns it. Who finds it owned marks it, so that the owner's end is
published; who has missed that looks once a second, and takes over when the owner is gone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from storage.leases import Look, Note, Noted, Result, Work
from storage.redis_channels import RedisChannels
from storage.redis_link import RedisLink, Script
from storage.tier import TierError

TERM = 3.0
"""Seconds after which an owner that does not renew its lease is taken for gone."""
POLL = 1.0
"""Seconds after which who waits looks whether it has missed a message."""
LINGER = 1.0
"""Seconds for which the end of a work is known to those who had looked before it."""
CHANNEL = "leases"

# "+token" is owned, "+token!" owned and waited for, "-note" done a moment ago.
_ACQUIRE = Script("""
local v = redis.call('GET', KEYS[1])
if v and v:sub(1, 1) == '+' then
  if v:sub(-1) ~= '!' then redis.call('APPEND', KEYS[1], '!') end
  return {0, redis.call('PTTL', KEYS[1])}
end
if v and #v > 1 and ARGV[3] == '0' then return {2, v:sub(2)} end
redis.call('SET', KEYS[1], '+' .. ARGV[1], 'PX', ARGV[2])
return {1, v and 1 or 0}
""")
_RENEW = Script("""
local v = redis.call('GET', KEYS[1])
if v and v:sub(1, #ARGV[1] + 1) == '+' .. ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
""")
_RELEASE = Script("""
local v = redis.call('GET', KEYS[1])
if v and v:sub(1, #ARGV[1] + 1) == '+' .. ARGV[1] then
  redis.call('SET', KEYS[1], '-' .. ARGV[2], 'PX', ARGV[3])
  if v:sub(-1) == '!' then redis.call('PUBLISH', ARGV[4], ARGV[5] .. '\\n' .. ARGV[2]) end
  return 1
end
return 0
""")


@dataclass(slots=True)
class _Answer:
    """What Redis said of a key: ours, another's, or done a moment ago and failed."""

    ours: bool
    left: float = 0.0
    """Seconds for which it is another's, unless that one renews it."""
    note: str | None = None
    """What the last owner left, where it ended a moment ago."""


class RedisLeases:
    """Leases over *link*; *channels* tell of the ends that are waited for."""

    def __init__(
        self, link: RedisLink, channels: RedisChannels, prefix: str, term: float = TERM
    ) -> None:
        self._link = link
        self._prefix = prefix
        self._term = term
        self._waiting: dict[str, set[asyncio.Future[str | None]]] = {}
        self._out: set[asyncio.Task[None]] = set()
        channels.subscribe(CHANNEL, self._hear)
        channels.on_gap(self._wake_all)
        link.on_loss(self._wake_all)

    async def once(self, key: str, work: Work[Result], look: Look[Result], noted: Noted) -> Result:
        """Return what *work* makes, or what *look* finds of another's work for *key*."""
        token, insist = secrets.token_hex(8), False
        while True:
            # Listened for before the lease is asked for: its end cannot fall between the two.
            with _Wait(self._waiting, key) as end:
                try:
                    answer = await self._acquire(key, token, insist=insist)
                except TierError:
                    return await work()
                note = answer.note
                if answer.left:
                    note = await _within(end, min(POLL, answer.left))
            if note is not None and not insist:
                found = await self._found(key, token, answer, note, look)
                if found is not None:
                    return found
                insist = True
            if answer.ours:
                return await self._owned(key, token, work, noted)

    async def close(self) -> None:
        """Finish what is being given back."""
        if self._out:
            await asyncio.wait(self._out)

    async def _acquire(self, key: str, token: str, *, insist: bool) -> _Answer:
        said, more = await self._link.run(
            _ACQUIRE, self._name(key), token, int(self._term * 1000), int(insist)
        )
        if said == 1:
            return _Answer(ours=True, note="" if more else None)
        if said == 2:
            return _Answer(ours=False, note=more.decode())
        return _Answer(ours=False, left=max(more, 1) / 1000)

    async def _found(
        self, key: str, token: str, answer: _Answer, note: str, look: Look[Result]
    ) -> Result | None:
        """Return what another has made, giving back what would be ours."""
        found: Result | None = None
        failed = True
        try:
            found = await look(note)
            failed = False
        finally:
            if answer.ours and (failed or found is not None):
                self._behind(self._release(key, token, Note()))
        return found

    async def _owned(self, key: str, token: str, work: Work[Result], noted: Noted) -> Result:
        note = Note()
        renewal = asyncio.create_task(self._renewing(key, token), name=f"lease {key}")
        try:
            return await work()
        except BaseException as error:
            note = noted(error)
            raise
        finally:
            renewal.cancel()
            self._behind(self._release(key, token, note))

    async def _renewing(self, key: str, token: str) -> None:
        while True:
            await asyncio.sleep(self._term / 3)
            with suppress(TierError):
                await self._link.run(_RENEW, self._name(key), token, int(self._term * 1000))

    async def _release(self, key: str, token: str, note: Note) -> None:
        linger = int(max(LINGER, note.seconds) * 1000)
        channel = f"{self._prefix}{CHANNEL}"
        with suppress(TierError):
            await self._link.run(_RELEASE, self._name(key), token, note.text, linger, channel, key)

    def _behind(self, talk: Coroutine[Any, Any, None]) -> None:
        """Do *talk* behind the answer, which needs not wait for it."""
        task = asyncio.get_running_loop().create_task(talk)
        self._out.add(task)
        task.add_done_callback(self._out.discard)

    def _hear(self, message: bytes) -> None:
        key, _, note = message.decode().partition("\n")
        self._wake(key, note)

    def _wake(self, key: str, note: str | None) -> None:
        for future in self._waiting.get(key, ()):
            if not future.done():
                future.set_result(note)

    def _wake_all(self) -> None:
        for key in self._waiting:
            self._wake(key, None)

    def _name(self, key: str) -> str:
        return f"{self._prefix}lease:{key}"


class _Wait:
    """A place among those who wait for *key*, within a context."""

    def __init__(self, waiting: dict[str, set[asyncio.Future[str | None]]], key: str) -> None:
        self._waiting = waiting
        self._key = key
        self._future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> asyncio.Future[str | None]:
        self._waiting.setdefault(self._key, set()).add(self._future)
        return self._future

    def __exit__(self, *_: object) -> None:
        others = self._waiting[self._key]
        others.discard(self._future)
        if not others:
            del self._waiting[self._key]


async def _within(end: asyncio.Future[str | None], seconds: float) -> str | None:
    """Return what the owner left; None where nothing was heard of it."""
    await asyncio.wait([end], timeout=seconds)
    return end.result() if end.done() else None
