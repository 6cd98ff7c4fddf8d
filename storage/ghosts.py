"""Keys of what went lately from a cache, remembered in four bytes each."""

from __future__ import annotations

_BUCKET = 64
"""Marks at least, where there are so many, that are forgotten in the order in which they came; more
of them are nearer to one queue for all, and dearer to look through."""
_FEWEST = 32
_MARK = 4
"""Bytes of a key's hash by which it is known: one in 8 million is taken for another."""


class Ghosts:
    """A set of keys that forgets the oldest, about as many as were asked for last.

    It is a table of buckets with the latest mark first, and no object for each key: the marks of a
    million keys are 4 MB where a set of them, and their order, take 80.
    """

    def __init__(self) -> None:
        self._marks = bytearray()
        self._width = 0
        """Bytes of a bucket."""

    def __len__(self) -> int:
        """Return how many keys there is room for."""
        return len(self._marks) // _MARK

    def add(self, key: str, most: int) -> None:
        """Remember *key*, as one of about *most*, at the oldest's cost."""
        self._grow(most)
        begin, end, mark = self._place(key)
        self._marks[begin:end] = mark + self._marks[begin : end - _MARK]

    def discard(self, key: str) -> bool:
        """Forget *key*; return whether it was remembered."""
        if not self._marks:
            return False
        begin, end, mark = self._place(key)
        found = self._marks.find(mark, begin, end)
        if found < 0:
            return False
        self._marks[found:end] = self._marks[found + _MARK : end] + bytes(_MARK)
        return True

    def clear(self) -> None:
        """Forget all."""
        self._marks.clear()

    def _place(self, key: str) -> tuple[int, int, bytes]:
        name, width = hash(key), self._width
        # Odd: no key is taken for an empty place.
        mark = ((name >> 32) & 0xFFFFFFFF | 1).to_bytes(_MARK, "little")
        begin = name % (len(self._marks) // width) * width
        return begin, begin + width, mark

    def _grow(self, most: int) -> None:
        if not self._marks:
            buckets = max(1, most // _BUCKET)
            self._width = max(_FEWEST, -(-most // buckets)) * _MARK
            self._marks = bytearray(buckets * self._width)
        while 2 * most > 3 * len(self):
            # Twice the buckets: each key is in the one that it had, and in its new one as well.
            self._marks *= 2
