"""Counts that replicas share: the calls that an upstream's quota allows.

One key for each upstream, one script for all of its windows: a call counts in every window or in
none. Rolling windows are kept as twentieths by the server's own clock, and a twentieth counts until
all of it is past: never too many, and at most five in a hundred too few.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from storage.redis_link import RedisLink, Script
from storage.tier import TierError

# ARGV: cost, then for each window its label, limit, span in ms (rolling) or 0, and end in s.
_TAKE = Script("""
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local kept, cost, used, longest = {}, tonumber(ARGV[1]), {}, 0
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do kept[flat[i]] = tonumber(flat[i + 1]) end
for field, value in pairs(kept) do
  if field:sub(1, 2) == 'l:' and value > ms then return {field:sub(3), value - ms} end
end
local wait, refused, add = 0, '', {}
for i = 2, #ARGV, 4 do
  local label, limit = ARGV[i], tonumber(ARGV[i + 1])
  local span, ends = tonumber(ARGV[i + 2]), ARGV[i + 3]
  local sum, free = 0, 0
  if span == 0 then
    local prefix = 'c:' .. label .. ':'
    local field = prefix .. ends
    sum, free = kept[field] or 0, tonumber(ends) * 1000
    add[#add + 1] = field
    longest = math.max(longest, free)
    for old in pairs(kept) do
      local past = old:sub(1, #prefix) == prefix and tonumber(old:sub(#prefix + 1))
      if past and past * 1000 < ms - 60000 then redis.call('HDEL', KEYS[1], old) end
    end
  else
    local width, prefix = span / 20, 'r:' .. label .. ':'
    local bucket, oldest = math.floor(ms / width), math.huge
    for field, value in pairs(kept) do
      if field:sub(1, #prefix) == prefix then
        local at = tonumber(field:sub(#prefix + 1))
        if at < bucket - 20 then redis.call('HDEL', KEYS[1], field)
        else sum, oldest = sum + value, math.min(oldest, at) end
      end
    end
    free = (oldest + 21) * width
    add[#add + 1] = prefix .. string.format('%.0f', bucket)
    longest = math.max(longest, ms + span + 2 * width)
  end
  used[#used + 1] = sum
  if sum + cost > limit and sum > 0 and free - ms >= wait then
    wait, refused = math.max(free - ms, 1), label
  end
end
if refused ~= '' then return {refused, math.ceil(wait), unpack(used)} end
for i, field in ipairs(add) do
  redis.call('HINCRBY', KEYS[1], field, cost)
  used[i] = used[i] + cost
end
if longest > ms and redis.call('PTTL', KEYS[1]) < longest - ms then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', longest))
end
return {'', 0, unpack(used)}
""")
_LATCH = Script("""
local now = redis.call('TIME')
local till = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2]
if till > tonumber(redis.call('HGET', KEYS[1], 'l:' .. ARGV[1]) or 0) then
  redis.call('HSET', KEYS[1], 'l:' .. ARGV[1], string.format('%.0f', till))
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', till))
end
return 1
""")

Window = tuple[str, int, float, float]
"""Its label, the calls that it allows, its length in seconds, and its end in Unix seconds where it
goes by the calendar, else 0."""


class RedisCounters:
    """Counts over *link*."""

    def __init__(self, link: RedisLink, prefix: str) -> None:
        self._link = link
        self._prefix = prefix
        self._out: set[asyncio.Task[None]] = set()

    async def take(
        self, name: str, windows: Sequence[Window], cost: int
    ) -> tuple[str, float, list[int]] | None:
        """Count a call of *name*; None where Redis cannot be asked.

        Return the label of the window, or of the latch, that refuses it (else empty), for how many
        seconds, and how many calls each window has.
        """
        arguments: list[str | int] = [cost]
        for label, limit, span, ends in windows:
            arguments += [label, limit, 0 if ends else int(span * 1000), int(ends)]
        try:
            refused, wait, *used = await self._link.run(_TAKE, self._key(name), *arguments)
        except TierError:
            return None
        return refused.decode(), wait / 1000, used

    def latch(self, name: str, label: str, seconds: float) -> None:
        """Have every replica refused as *label* for *seconds*, behind the caller."""
        task = asyncio.get_running_loop().create_task(self._latch(name, label, seconds))
        self._out.add(task)
        task.add_done_callback(self._out.discard)

    async def _latch(self, name: str, label: str, seconds: float) -> None:
        with suppress(TierError):
            await self._link.run(_LATCH, self._key(name), label, max(1, int(seconds * 1000)))

    def _key(self, name: str) -> str:
        return f"{self._prefix}quota:{name}"
