"""One sentence, read: its words, its numbers, what it denies, and what stands between what."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from gateway.grounding.quantities import Quantity, in_order
from gateway.grounding.words import POPULATIONS, located, meant, negated, typed, words_of

POPULATION = "population"
_EDGE = ""
"""Where a sentence begins or ends."""

Place = tuple[str, str, str]
"""A kind (a unit, or `POPULATION`) and the stems of the words before and after."""
Value = str | tuple[float, float, str]
Stand = tuple[Place, Value, str]
"""A number or a population, where it stands, and in which words."""


class Reading(NamedTuple):
    """A sentence of the records."""

    spoken: list[str]
    """Its words as they stand."""
    words: frozenset[str]
    """Its stems, and its numbers as marks."""
    said: list[Quantity]
    ends: frozenset[tuple[float, str]]
    denied: frozenset[str]
    terms: frozenset[tuple[str, str]]
    places: list[Stand]


def read(text: str) -> Reading:
    """Return the folded sentence *text*, read."""
    said = in_order(text)
    spoken = words_of(text)
    words = marked(spoken, said)
    return Reading(
        spoken=spoken,
        words=frozenset(words),
        said=said,
        ends=frozenset(end for quantity in said for end in quantity.amount.ends),
        denied=frozenset(negated(text)),
        terms=frozenset(typed(text)),
        places=places(text, spoken, said, words),
    )


def marked(spoken: list[str], said: list[Quantity]) -> set[str]:
    """Return what tells which sentence it is of which these are the words and the numbers."""
    words = meant(spoken)
    for quantity in said:
        words.update(quantity.amount.marks)
    return words


def places(text: str, spoken: list[str], said: list[Quantity], words: set[str]) -> list[Stand]:
    """Return between which words of *text* each number and each population stands."""
    peopled = not words.isdisjoint(POPULATIONS)
    if not said and not peopled:
        return []
    found = located(text, spoken)
    names = [_EDGE, *(name for _, name in found), _EDGE]
    stands: list[Stand] = []
    if said:
        starts = [start for start, _ in found]
        for quantity in said:
            if not quantity.soft:
                before = names[bisect_left(starts, quantity.start)]
                after = names[bisect_left(starts, quantity.start + len(quantity.text)) + 1]
                amount = quantity.amount
                stands.append(((amount.unit, before, after), amount.key, quantity.text))
    if peopled:
        for index, (_, name) in enumerate(found):
            who = POPULATIONS.get(name)
            if who is not None:
                place = (POPULATION, names[index], names[index + 2])
                stands.append((place, who, f"{POPULATION} {who}"))
    return stands
