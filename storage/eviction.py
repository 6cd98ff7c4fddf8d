"""What goes when memory is full: S3-FIFO (Yang et al., SOSP 2023), bounded in bytes.

What is new waits in a small queue, and goes from it unless it is asked for `WANTED` times; then,
and also when it comes back soon after it went, it stands in the main queue, from which it goes
when it has not been asked for since its last turn. So what is asked once pushes out nothing that
is asked often, and a scan or a loop does not empty the cache. The numbers were chosen by replaying
traces (``python -m bench eviction``, docs/performance.md).

A hit counts one up and moves nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from storage.ghosts import Ghosts

SMALL = 0.03
"""Share of the bound for what is new."""
WANTED = 2
"""So many hits bring an entry from the small queue to the main one."""
MOST = 63
"""Hits that are counted: so many turns an entry survives at most that is asked for no more."""
REMEMBERED = 2
"""For each entry that is kept, so many keys of entries that went."""
_SLACK = 1_000
"""Places of removed entries that may wait in the queues, beside as many as are kept."""
_TABLE = 1 << 20
"""Bytes of what is kept for which there is a table of its own: one table for a million entries
would stop everything for a tenth of a second each time that it is built anew."""
_BITS = 32
"""Lower bits of a key's hash: those that a table goes by tell nothing of which table it is."""


class Held(Protocol):
    """What is kept, with what its queue has to know of it: an object less for each."""

    key: str
    hits: int
    """Since it came, or since its last turn."""
    main: bool
    """In which queue its place is."""

    @property
    def size(self) -> int:
        """Bytes that it takes; the same until it ends."""

    def end(self) -> None:
        """Learn that it is kept no more, whatever the reason; this must be quick."""


Value = TypeVar("Value", bound=Held)


def use(value: Held) -> None:
    """Count *value* as used."""
    if value.hits < MOST:
        value.hits += 1


class S3Fifo(Generic[Value]):
    """A mapping of at most *max_bytes*; any thread may call anything, and reads never wait.

    A key has one place in the queues until its turn comes, whatever becomes of its value before:
    what is replaced, or removed and soon there again, stands where it stood.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._small_bytes = max_bytes * SMALL
        self._lock = threading.Lock()
        self._last = (1 << max(0, (max_bytes // _TABLE).bit_length() - 1)) - 1
        self._tables: tuple[dict[str, Value], ...] = tuple({} for _ in range(self._last + 1))
        self._entries = 0
        self._vacant: dict[str, bool] = {}
        """Keys that have a place but no value, and whether it is in the main queue."""
        # Both stay for good: the collector has put them aside (`gc.freeze`), with all they hold.
        self._small: deque[str] = deque()
        self._main: deque[str] = deque()
        self._gone = Ghosts()
        self._bytes = 0
        self._in_main = 0
        self._filled = False

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            values = [value for table in self._tables for value in table.values()]
            for table in self._tables:
                table.clear()
            for queue in (self._small, self._main):
                queue.clear()
            self._vacant.clear()
            self._gone = Ghosts()
            self._entries = self._bytes = self._in_main = 0
            self._filled = False
            for value in values:
                value.end()

    def __len__(self) -> int:
        return self._entries

    def __iter__(self) -> Iterator[str]:
        return iter([key for table in self._tables for key in list(table)])

    @property
    def bytes(self) -> int:
        """The sum of the sizes of what is kept."""
        return self._bytes

    def get(self, key: str) -> Value | None:
        """Return the value or None; it counts as used."""
        value = self._tables[hash(key) >> _BITS & self._last].get(key)
        if value is not None:
            use(value)
        return value

    def look(self, key: str) -> Value | None:
        """Return the value or None; nobody uses it."""
        return self._table(key).get(key)

    def insert(self, value: Value) -> bool:
        """Keep *value* in place of what stood under its key.

        Return whether it was kept: what is larger than the bound is not, nor its predecessor.
        """
        with self._lock:
            key, size = value.key, value.size
            if size > self._max_bytes:
                self._leave(key)
                return False
            table = self._table(key)
            before = table.get(key)
            if before is None:
                if self._bytes + size > self._max_bytes:
                    self._make_room(size)
                self._place(value, size)
                self._count(value.main, size)
                self._entries += 1
                table[key] = value
                return True
            # The same text once: it is the one in the queue.
            value.key, value.hits, value.main = before.key, before.hits, before.main
            table[key] = value
            self._count(value.main, size - before.size)
            before.end()
            self._make_room(0)
            return table.get(key) is value

    def pop(self, key: str) -> Value | None:
        """Forget *key*; return what it had."""
        with self._lock:
            return self._leave(key)

    def _table(self, key: str) -> dict[str, Value]:
        return self._tables[hash(key) >> _BITS & self._last]

    def _place(self, value: Value, size: int) -> None:
        """Give *value* the place that its key has, or one at the end of a queue."""
        key = value.key
        if key in self._vacant:
            value.main = self._vacant.pop(key)
            return
        if self._filled:
            value.main = self._gone.discard(key)
        else:
            # Until something had to go, nothing is known of anything: the first to come may stay.
            small = self._bytes - self._in_main
            value.main = small + size > self._small_bytes and small > 0
        (self._main if value.main else self._small).append(key)

    def _count(self, main: bool, size: int) -> None:
        self._bytes += size
        if main:
            self._in_main += size

    def _leave(self, key: str) -> Value | None:
        """Remove *key* and keep its place."""
        value = self.look(key)
        if value is None:
            return None
        self._vacant[value.key] = value.main
        self._remove(value)
        if len(self._vacant) > self._entries + _SLACK:
            for queue in (self._small, self._main):
                stay = [each for each in queue if each not in self._vacant]
                queue.clear()
                queue.extend(stay)
            self._vacant.clear()
        return value

    def _remove(self, value: Value) -> None:
        del self._table(value.key)[value.key]
        self._entries -= 1
        self._count(value.main, -value.size)
        value.end()

    def _make_room(self, size: int) -> None:
        while self._bytes + size > self._max_bytes:
            self._filled = True
            small = self._bytes - self._in_main
            if small and self._in_main <= self._max_bytes - self._small_bytes:
                self._turn_small()
            else:
                self._turn_main()

    def _next(self, queue: deque[str]) -> Value | None:
        """Take the next place from *queue*; return who stands there, None where nobody does."""
        key = queue.popleft()
        value = self.look(key)
        if value is None:
            del self._vacant[key]
        return value

    def _turn_small(self) -> None:
        """Have the oldest of the small queue go, or stand in the main one."""
        value = self._next(self._small)
        if value is None:
            return
        if value.hits >= WANTED:
            value.hits, value.main = 0, True
            self._in_main += value.size
            self._main.append(value.key)
            return
        self._remove(value)
        self._gone.add(value.key, REMEMBERED * (self._entries + 1))

    def _turn_main(self) -> None:
        """Have the next of the main queue go, or take another turn if it was used."""
        value = self._next(self._main)
        if value is None:
            return
        if value.hits:
            value.hits -= 1
            self._main.append(value.key)
            return
        self._remove(value)
