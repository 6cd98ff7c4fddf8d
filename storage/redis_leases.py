"""Leases in Redis: two commands for each work, one for each replica that waits, no polling.

The value of a key says who owns it. Who finds it owned marks it, so that the owner's end is
published; who has missed that looks once a second, and takes over when the owner is gone.
"""

from __future__ import annotations

from storage.leases import Note
from storage.redis_channels import RedisChannels
from storage.redis_link import RedisLink, Script
from storage.shared_leases import POLL, TERM, Answer, SharedLeases

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


class RedisLeases(SharedLeases):
    """Leases over *link*; *channels* tell of the ends that are waited for."""

    def __init__(
        self,
        link: RedisLink,
        channels: RedisChannels,
        prefix: str,
        *,
        term: float = TERM,
        poll: float = POLL,
    ) -> None:
        super().__init__(term, poll)
        self._link = link
        self._prefix = prefix
        channels.subscribe(CHANNEL, self._hear)
        channels.on_gap(self._wake_all)
        link.on_loss(self._wake_all)

    async def _acquire(self, key: str, token: str, *, insist: bool) -> Answer:
        said, more = await self._link.run(
            _ACQUIRE, self._name(key), token, int(self._term * 1000), int(insist)
        )
        if said == 1:
            return Answer(ours=True, note="" if more else None)
        if said == 2:
            return Answer(ours=False, note=more.decode())
        return Answer(ours=False, left=more / 1000)

    async def _renew(self, key: str, token: str) -> None:
        await self._link.run(_RENEW, self._name(key), token, int(self._term * 1000))

    async def _give_back(self, key: str, token: str, note: Note, linger: float) -> None:
        name, channel = self._name(key), f"{self._prefix}{CHANNEL}"
        await self._link.run(_RELEASE, name, token, note.text, int(linger * 1000), channel, key)

    def _hear(self, message: bytes) -> None:
        key, _, note = message.decode().partition("\n")
        self._wake(key, note)

    def _name(self, key: str) -> str:
        return f"{self._prefix}lease:{key}"
