"""Which sentences of the records a sentence is most like, counted for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

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
            _Block(sentences[start : start + _BLOCK]) for start in range(0, len(sentences), _BLOCK)
        ]

    def rare(self, word: str) -> bool:
        """Whether one sentence alone holds *word*."""
        return sum(block.where.get(word, 0).bit_count() for block in self._blocks) == 1

    def like(self, words: AbstractSet[str]) -> list[int]:
        """Return the numbers of the sentences that hold nearly as many of *words* as the best."""
        if len(self._blocks) == 1 and len(words) <= _MOST:
            block = self._blocks[0]
            found = block.found(words)
            if len(found) < max(2, 0.5 * len(words)):
                return []
            return _best(block.sums(found), len(found))
        known = self.words & words
        if len(known) > _MOST:
            known = frozenset(sorted(known)[:_MOST])
        if len(known) < max(2, 0.5 * len(words)):
            return []
        sums = [block.sums(block.found(known)) for block in self._blocks]
        return _best(b"".join(sums), len(known))


class _Block:
    """Some sentences in a row."""

    def __init__(self, sentences: Sequence[frozenset[str]]) -> None:
        self.where: dict[str, int] = {}
        self._size = len(sentences)
        where = self.where
        for index, words in enumerate(sentences):
            bit = 1 << 8 * index
            for word in words:
                where[word] = where.get(word, 0) | bit

    def found(self, words: AbstractSet[str]) -> list[int]:
        """Return those of *words* that it knows, as numbers."""
        where = self.where
        return [where[word] for word in words if word in where]

    def sums(self, found: Sequence[int]) -> bytes:
        """Return for each sentence how many of the words *found* it holds: one addition for all."""
        return sum(found).to_bytes(self._size, "little")


def _best(held: bytes, count: int) -> list[int]:
    """Return the places in *held* of the highest number and of those that are nearly as high.

    None is above *count*.
    """
    best = count
    while best and best not in held:
        best -= 1
    if best < _ALIKE * count:
        return []
    found: list[int] = []
    for shared in range(max(1, best - int(_NEARLY * count)), best + 1):
        at = held.find(shared)
        while at >= 0:
            found.append(at)
            at = held.find(shared, at + 1)
    return found
