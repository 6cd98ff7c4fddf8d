"""What was used lately, bounded: two generations, so that a look is one look into a dict.

What is found among the older is young again; when the young have reached half of the bound, they
become the older, and those that nobody has used since the last time are forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """A mapping whose keys weigh at most *most* together, each what *weigh* says."""

    __slots__ = ("_half", "_older", "_older_weight", "_weigh", "_young_weight", "young")

    def __init__(self, most: int, weigh: Callable[[Key], int]) -> None:
        self.young: dict[Key, Value] = {}
        """Those used last: whoever is in a hurry looks here first, and then calls `recall`."""
        self._older: dict[Key, Value] = {}
        self._half = most // 2
        self._weigh = weigh
        self._young_weight = self._older_weight = 0

    @property
    def weight(self) -> int:
        """What all of them weigh."""
        return self._young_weight + self._older_weight

    def values(self) -> Iterator[Value]:
        """Yield all values."""
        yield from self.young.values()
        yield from self._older.values()

    def recall(self, key: Key) -> Value | None:
        """Return the value of *key*, which is used; None: it is not known."""
        value = self.young.get(key)
        if value is None and self._older:
            value = self._older.pop(key, None)
            if value is not None:
                self._older_weight -= self._weigh(key)
                self.insert(key, value)
        return value

    def insert(self, key: Key, value: Value) -> bool:
        """Keep *value*; return whether it is kept: what outweighs half of the bound is not."""
        self.pop(key)
        weight = self._weigh(key)
        if weight > self._half:
            return False
        if self._young_weight + weight > self._half:
            self._older, self.young = self.young, {}
            self._older_weight, self._young_weight = self._young_weight, 0
        self.young[key] = value
        self._young_weight += weight
        return True

    def pop(self, key: Key) -> None:
        """Forget *key*."""
        if self.young.pop(key, None) is not None:
            self._young_weight -= self._weigh(key)
        elif self._older.pop(key, None) is not None:
            self._older_weight -= self._weigh(key)
