"""One sentence, read: its words, its numbers, what it denies, and what stands between what."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from gateway.grounding.quantities import Quantity, in_order
from gateway.grounding.words import POPULATIONS, negated, tokens, typed

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
    found = tokens(text)
    words = marked(found, said)
    return Reading(
        words=frozenset(words),
        said=said,
        ends=frozenset(end for quantity in said for end in quantity.ends),
        denied=frozenset(negated(text)),
        terms=frozenset(typed(text)),
        places=list(places(found, said, words)),
    )


def marked(found: list[tuple[int, str]], said: list[Quantity]) -> set[str]:
    """Return what tells which sentence it is of which these are the words and the numbers."""
    words = {name for _, name in found}
    for quantity in said:
        for number, unit in quantity.ends:
            words.add(f"{number:g}{unit}")
    return words


def places(found: list[tuple[int, str]], said: list[Quantity], words: set[str]) -> Iterator[Stand]:
    """Yield between which words each number and each population stands."""
    peopled = not words.isdisjoint(POPULATIONS)
    if not said and not peopled:
        return
    starts = [start for start, _ in found]
    names = [_EDGE, *(name for _, name in found), _EDGE]
    for quantity in said:
        if not quantity.soft:
            before = names[bisect_left(starts, quantity.start)]
            after = names[bisect_left(starts, quantity.end) + 1]
            yield (quantity.unit, before, after), quantity.key, quantity.text
    if peopled:
        for index, (_, name) in enumerate(found):
            who = POPULATIONS.get(name)
            if who is not None:
                yield (POPULATION, names[index], names[index + 2]), who, f"{POPULATION} {who}"
