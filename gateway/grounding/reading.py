"""One sentence, read: its words, its numbers, what it denies, and what stands between what."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from gateway.grounding.quantities import Quantity, quantities
from gateway.grounding.words import POPULATIONS, located, meaning, meant, negated, typed, words_of

POPULATION = "population"
_PEOPLE = frozenset(POPULATIONS)
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
    return read_all([text])[0]


def read_all(texts: list[str]) -> list[Reading]:
    """Return the folded sentences *texts*, read: step by step, which is faster than one by one."""
    said = list(map(quantities, texts))
    spoken = list(map(words_of, texts))
    meanings = [list(map(meaning, each)) for each in spoken]
    words = list(map(marked, meanings, said))
    ends = [[end for quantity in each for end in quantity.amount.ends] for each in said]
    return list(
        map(
            Reading,
            spoken,
            map(frozenset, words),
            said,
            map(frozenset, ends),
            list(map(frozenset, map(negated, texts))),
            list(map(frozenset, map(typed, texts))),
            list(map(places, texts, zip(spoken, meanings, strict=True), said, words)),
        )
    )


def marked(meanings: list[str], said: list[Quantity]) -> set[str]:
    """Return what tells which sentence it is whose words mean this and whose numbers these are."""
    words = meant(meanings)
    for quantity in said:
        words.update(quantity.amount.marks)
    return words


def places(
    text: str, spoken: tuple[list[str], list[str]], said: list[Quantity], words: set[str]
) -> list[Stand]:
    """Return between which words of *text* each number and each population stands.

    *spoken* are its words and their meanings.
    """
    peopled = not _PEOPLE.isdisjoint(words)
    if not said and not peopled:
        return []
    found = list(filter(None, spoken[1]))
    names = [_EDGE, *found, _EDGE]
    stands: list[Stand] = []
    starts = located(text, *spoken, said[-1].start + len(said[-1].text)) if said else []
    for quantity in said:
        if not quantity.soft:
            amount, start, wording = quantity.amount, quantity.start, quantity.text
            before = bisect_left(starts, start)
            after = bisect_left(starts, start + len(wording), before) + 1
            stands.append(((amount.unit, names[before], names[after]), amount.key, wording))
    if peopled:
        for index, name in enumerate(found):
            who = POPULATIONS.get(name)
            if who is not None:
                place = (POPULATION, names[index], names[index + 2])
                stands.append((place, who, f"{POPULATION} {who}"))
    return stands
