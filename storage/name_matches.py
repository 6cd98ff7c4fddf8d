"""How near a name is to a text that may be mistyped, or longer than the name. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable

from storage.name_terms import LONGEST, kept_spans
from storage.names import Part, exchanges, is_hangul, jamo

CANDIDATES = 40
"""Names that are compared letter by letter when a text may have a typing error."""
LEADING_CANDIDATES = 200
"""Names that are compared with a text that may hold one of them."""
LETTERS_PER_ERROR = 3
"""Letters as typed of which one may be wrong."""
FAR = math.inf
"""Edits between a text and a name that it cannot mean."""
_LATIN_START = 4
"""Letters of a name that a longer text must hold where they are not Korean: fewer are anyone's."""


def edits_between(folded: str, gap: int = 2) -> Callable[[str], float]:
    """Return what counts the wrong keys between a folded text and a name that it may mean.

    The wrong keys stand within *gap* characters beside each other, or within a third of a long
    text. What is compared letter by letter is only the part of a name around what is right.
    """
    letters = jamo(folded)
    part, most = Part(letters), max(1, len(letters) // LETTERS_PER_ERROR)
    exchanged = exchanges(folded)
    rights = [_Right(folded, spans) for spans in kept_spans(folded, gap)]

    # Names of the same pieces have the same letters around what is right.
    known: dict[str, int] = {}

    def count(name: str) -> float:
        if folded in name:
            return 0
        start, end = len(name), 0
        for right in rights:
            start, end = right.widened(name, start, end)
        edits = FAR
        if end:
            window = name[start:end]
            found = known.get(window)
            if found is None:
                found = known[window] = part.distance(jamo(window))
            edits = found
        if edits > 1 and any(text in name for text in exchanged):
            return 1
        return edits if edits <= most else FAR

    return count


class _Right:
    """What is right of a text that has an error: one piece, or two with the error between."""

    def __init__(self, folded: str, spans: tuple[tuple[int, int], ...]) -> None:
        (start, end), (other, last) = spans[0], spans[-1]
        self._piece = folded[start:end]
        self._second = folded[other:last] if len(spans) > 1 else ""
        # One more than is missing: a key may have been typed too few.
        self._between = other - end + 1
        self._before, self._after = start + 1, len(folded) - last + 1

    def widened(self, name: str, first: int, last: int) -> tuple[int, int]:
        """Return a window of *name*, *first* to *last*, with each place of the whole text in it."""
        piece, second = self._piece, self._second
        start = name.find(piece)
        while start >= 0:
            end = start + len(piece)
            if second:
                # The last one: the window of the first is within its own.
                place = name.rfind(second, end, end + self._between + len(second))
                end = place + len(second) if place >= 0 else -1
            if end >= 0:
                first = min(first, max(0, start - self._before))
                last = max(last, end + self._after)
            start = name.find(piece, start + 1)
        return first, last


def held(folded: str) -> Callable[[str], int]:
    """Return what counts the characters, from its first on, of a name that a longer text holds.

    0: too few to mean it.
    """

    def count(name: str) -> int:
        most, start = 0, folded.find(name[:LONGEST])
        while start >= 0:
            most = max(most, _common(folded, start, name))
            start = folded.find(name[:LONGEST], start + 1)
        enough = LONGEST if is_hangul(name[:1] or " ") else _LATIN_START
        return most if most >= min(enough, len(name)) else 0

    return count


def _common(folded: str, start: int, name: str) -> int:
    length = min(len(folded) - start, len(name))
    for place in range(length):
        if folded[start + place] != name[place]:
            return place
    return length
