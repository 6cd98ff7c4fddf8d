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
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

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

Value = TypeVar("Value")


class _Slot(msgspec.Struct, Generic[Value], gc=False, eq=False):
    """An entry's place in a queue."""

    key: str
    value: Value | None
    """None: it was removed, and its place is passed over."""
    size: int
    main: bool
    hits: int = 0


class S3Fifo(Generic[Value]):
    """A mapping of at most *max_bytes*; any thread may call anything, and reads never wait.

    *ended* is told of each value that is kept no more, whatever the reason; it must be quick.
    """

    def __init__(self, max_bytes: int, ended: Callable[[Value], None] = lambda _: None) -> None:
        self._max_bytes = max_bytes
        self._ended = ended
        self._small_bytes = max_bytes * SMALL
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._slots: dict[str, _Slot[Value]] = {}
        self._small: deque[_Slot[Value]] = deque()
        self._main: deque[_Slot[Value]] = deque()
        self._ghosts: deque[int] = deque()
        self._gone: set[int] = set()
        self._bytes = 0
        self._in_main = 0
        self._filled = False

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            for key in list(self._slots):
                self._remove(key)
            self._begin()

    def __len__(self) -> int:
        return len(self._slots)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._slots))

    @property
    def bytes(self) -> int:
        """The sum of the sizes of what is kept."""
        return self._bytes

    def get(self, key: str) -> Value | None:
        """Return the value or None; it counts as used."""
        slot = self._slots.get(key)
        if slot is None:
            return None
        if slot.hits < MOST:
            slot.hits += 1
        return slot.value

    def look(self, key: str) -> Value | None:
        """Return the value or None; nobody uses it."""
        slot = self._slots.get(key)
        return None if slot is None else slot.value

    def insert(self, key: str, value: Value, size: int) -> bool:
        """Keep *value*, which takes *size* bytes, in place of what stood there.

        Return whether it was kept: what is larger than the bound is not, nor its predecessor.
        """
        with self._lock:
            slot = self._slots.get(key)
            if size > self._max_bytes:
                self._remove(key)
                return False
            if slot is None:
                self._make_room(size)
                slot = self._place(key, value, size)
                self._slots[key] = slot
            else:
                self._count(slot, size - slot.size)
                before, slot.value, slot.size = slot.value, value, size
                if before is not None:
                    self._ended(before)
                self._make_room(0)
            return slot.value is not None

    def pop(self, key: str) -> Value | None:
        """Forget *key*; return what it had."""
        with self._lock:
            return self._remove(key)

    def _place(self, key: str, value: Value, size: int) -> _Slot[Value]:
        name = hash(key)
        returned = name in self._gone
        if returned:
            self._gone.discard(name)
        # Until something had to go, nothing is known of anything: the first to come may stay.
        small = self._bytes - self._in_main
        main = returned or (not self._filled and small + size > self._small_bytes and small > 0)
        slot = _Slot(key, value, size, main)
        self._count(slot, size)
        (self._main if main else self._small).append(slot)
        return slot

    def _count(self, slot: _Slot[Value], size: int) -> None:
        self._bytes += size
        if slot.main:
            self._in_main += size

    def _remove(self, key: str) -> Value | None:
        slot = self._slots.pop(key, None)
        if slot is None:
            return None
        value, slot.value = slot.value, None
        if value is not None:
            self._ended(value)
        self._count(slot, -slot.size)
        if len(self._small) + len(self._main) > 2 * len(self._slots) + _SLACK:
            self._small = deque(each for each in self._small if each.value is not None)
            self._main = deque(each for each in self._main if each.value is not None)
        return value

    def _make_room(self, size: int) -> None:
        while self._bytes + size > self._max_bytes:
            self._filled = True
            small = self._bytes - self._in_main
            if small and self._in_main <= self._max_bytes - self._small_bytes:
                self._turn_small()
            else:
                self._turn_main()

    def _turn_small(self) -> None:
        """Have the oldest of the small queue go, or stand in the main one."""
        slot = self._small.popleft()
        if slot.value is None:
            return
        if slot.hits >= WANTED:
            slot.hits, slot.main = 0, True
            self._in_main += slot.size
            self._main.append(slot)
            return
        self._remove(slot.key)
        name = hash(slot.key)
        self._gone.add(name)
        self._ghosts.append(name)
        most = REMEMBERED * (len(self._slots) + 1)
        # What came back stands in the queue and not in the set; there are not many of those.
        while len(self._gone) > most or len(self._ghosts) > 2 * most:
            self._gone.discard(self._ghosts.popleft())

    def _turn_main(self) -> None:
        """Have the next of the main queue go, or take another turn if it was used."""
        slot = self._main.popleft()
        if slot.value is None:
            return
        if slot.hits:
            slot.hits -= 1
            self._main.append(slot)
            return
        self._remove(slot.key)
