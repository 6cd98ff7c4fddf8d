"""Which sentences of the records a sentence is most like, counted for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from math import ceil

_ALIKE = 0.6
"""Share of a sentence's words that a record sentence must hold to be what it was made from."""
_NEARLY = 0.12
"""Sentences that hold so much less than the best one may be it as well."""
_BLOCK = 512
"""Sentences that are counted at once: more of them would take memory by their square."""
_MOST = 255
"""Words by which a sentence is looked for: a byte holds no higher count."""


class Alignment:
    """Finds sentences by their words. A word is a number with a byte for each sentence."""

    def __init__(self, sentences: Sequence[frozenset[str]]) -> None:
        self.words = frozenset().union(*sentences)
        """Every word that some sentence holds."""
        self._blocks = [
            _Block(start, sentences[start : start + _BLOCK])
            for start in range(0, len(sentences), _BLOCK)
        ]

    def rare(self, word: str) -> bool:
        """Whether one sentence alone holds *word*."""
        return sum(block.where.get(word, 0).bit_count() for block in self._blocks) == 1

    def like(self, words: AbstractSet[str]) -> list[int]:
        """Return the numbers of the sentences that hold nearly as many of *words* as the best."""
        known = self.words & words
        if len(known) > _MOST:
            known = frozenset(sorted(known)[:_MOST])
        count = len(known)
        if count < 2 or count < 0.5 * len(words):
            return []
        sums = [(block, block.sums(known)) for block in self._blocks]
        best = max([_highest(held, count) for _, held in sums])
        if best < _ALIKE * count:
            return []
        least = max(1, ceil(best - _NEARLY * count))
        found: list[int] = []
        for block, held in sums:
            for shared in range(least, best + 1):
                at = held.find(shared)
                while at >= 0:
                    found.append(block.start + at)
                    at = held.find(shared, at + 1)
        return found


class _Block:
    """Some sentences in a row."""

    def __init__(self, start: int, sentences: Sequence[frozenset[str]]) -> None:
        self.start = start
        self.where: dict[str, int] = {}
        self._size = len(sentences)
        where = self.where
        for index, words in enumerate(sentences):
            bit = 1 << 8 * index
            for word in words:
                where[word] = where.get(word, 0) | bit

    def sums(self, words: AbstractSet[str]) -> bytes:
        """Return for each sentence how many of *words* it holds: one addition for all."""
        where = self.where
        return sum([where[word] for word in words if word in where]).to_bytes(self._size, "little")


def _highest(held: bytes, most: int) -> int:
    while most and most not in held:
        most -= 1
    return most
