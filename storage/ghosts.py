"""Keys of what went lately from a cache, remembered in four bytes each."""

from __future__ import annotations

import struct

_BUCKET = 32
"""Marks at least that are forgotten in the order in which they came; more of them are nearer to one
queue for all, and dearer to look through."""
_MARK = 4
"""Bytes of a key's hash by which it is known: one in 10 million is taken for another."""
_NONE = bytes(_MARK)
_bytes = struct.Struct("<I").pack


class Ghosts:
    """A set of keys that forgets the oldest, about as many as were asked for last.

    It is a table of buckets, each a ring of marks, and no object for each key: the marks of a
    million keys are 4 MB where a set of them, and their order, take 80.
    """

    def __init__(self) -> None:
        self._marks = bytearray()
        self._hands = bytearray(1)
        """Of each bucket, where its oldest mark is."""
        self._each = 0
        """Marks of a bucket."""
        self._most = 0
        """For so many keys there is room enough."""

    def __len__(self) -> int:
        """Return how many keys there is room for."""
        return len(self._marks) // _MARK

    def add(self, key: str, most: int) -> None:
        """Remember *key*, as one of about *most*, in place of the oldest."""
        if most > self._most:
            self._grow(most)
        name = hash(key)
        bucket = name % len(self._hands)
        hand = self._hands[bucket]
        begin = (bucket * self._each + hand) * _MARK
        self._marks[begin : begin + _MARK] = _mark(name)
        self._hands[bucket] = (hand + 1) % self._each

    def discard(self, key: str) -> bool:
        """Forget *key*; return whether it was remembered."""
        name, width, marks = hash(key), self._each * _MARK, self._marks
        bucket = name % len(self._hands)
        begin = bucket * width
        found = marks.find(_mark(name), begin, begin + width)
        if found < 0:
            return False
        hand = begin + self._hands[bucket] * _MARK
        # The others close up, so that the next one takes its room and not the oldest's.
        if found < hand:
            marks[found : hand - _MARK] = marks[found + _MARK : hand]
            hand -= _MARK
            self._hands[bucket] -= 1
        else:
            marks[hand + _MARK : found + _MARK] = marks[hand:found]
        marks[hand : hand + _MARK] = _NONE
        return True

    def _grow(self, most: int) -> None:
        if not self._marks:
            buckets = max(1, most // _BUCKET)
            self._each = max(_BUCKET, -(-most // buckets))
            self._hands = bytearray(buckets)
            self._marks = bytearray(buckets * self._each * _MARK)
        while 2 * most > 3 * len(self):
            # Twice the buckets: each key is in the one that it had, and in its new one as well.
            self._marks *= 2
            self._hands *= 2
        self._most = len(self) * 3 // 2


def _mark(name: int) -> bytes:
    # Odd: no key is taken for an empty place.
    return _bytes(name >> 32 & 0xFFFFFFFF | 1)
