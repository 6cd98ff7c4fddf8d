"""Which sentences of the records a sentence is most like, counted for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_ALIKE = 0.6
"""Share of a sentence's words that a record sentence must hold to be what it was made from."""
_NEARLY = 0.12
"""Sentences that hold so much less than the best one may be it as well."""


class Alignment:
    """Finds sentences by their words. A word is a number whose bits are its sentences."""

    def __init__(self, sentences: Sequence[Iterable[str]]) -> None:
        self._all = (1 << len(sentences)) - 1
        self._where: dict[str, int] = {}
        for index, words in enumerate(sentences):
            bit = 1 << index
            for word in words:
                self._where[word] = self._where.get(word, 0) | bit

    def __contains__(self, word: str) -> bool:
        return word in self._where

    @property
    def words(self) -> Iterable[str]:
        """Every word that some sentence holds."""
        return self._where.keys()

    def rare(self, word: str) -> bool:
        """Whether one sentence alone holds *word*."""
        return self._where.get(word, 0).bit_count() == 1

    def like(self, words: set[str]) -> list[int]:
        """Return the numbers of the sentences that hold nearly as many of *words* as the best."""
        masks = [self._where[word] for word in words if word in self._where]
        count = len(masks)
        if count < 2 or count < 0.5 * len(words):
            return []
        planes = _summed(masks)
        best = self._most(planes)
        if best < _ALIKE * count:
            return []
        least = best - _NEARLY * count
        return _bits(self._with(planes, max(1, -int(-least // 1))))

    def _most(self, planes: Sequence[int]) -> int:
        """Return how many words the best sentence holds."""
        best, left = 0, self._all
        for place in reversed(range(len(planes))):
            held = left & planes[place]
            if held:
                left, best = held, best | 1 << place
        return best

    def _with(self, planes: Sequence[int], least: int) -> int:
        """Return the sentences that hold at least *least* words."""
        more, same = 0, self._all
        for place in reversed(range(len(planes))):
            plane = planes[place]
            if least >> place & 1:
                same &= plane
            else:
                more |= same & plane
                same &= ~plane
        return more | same


def _summed(masks: Sequence[int]) -> list[int]:
    """Return, bit by bit of the sums, in which sentences it is set: one addition for all."""
    planes: list[int] = []
    for mask in masks:
        carry = mask
        for place, plane in enumerate(planes):
            planes[place], carry = plane ^ carry, plane & carry
            if not carry:
                break
        if carry:
            planes.append(carry)
    return planes


def _bits(mask: int) -> list[int]:
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
