"""What records state, put together so that it is found quickly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeVar

from gateway.grounding.amounts import ends_of
from gateway.grounding.reading import POPULATION, Place, Reading, Value
from gateway.grounding.statements import Direction

_Item = TypeVar("_Item")


def union(sets: Iterable[Iterable[_Item]]) -> set[_Item]:
    """Return what any of *sets* holds."""
    return set().union(*sets)


def placed(sentences: Iterable[Reading]) -> Mapping[Place, AbstractSet[Value]]:
    """Return what stands where; who stands beside a word, also by that word alone."""
    found: defaultdict[Place, set[Value]] = defaultdict(set)
    for sentence in sentences:
        for place, value, _ in sentence.places:
            found[place].add(value)
            kind, before, after = place
            if kind == POPULATION:
                found[kind, before, "*"].add(value)
                found[kind, "*", after].add(value)
    return found


def compared(directions: set[Direction]) -> set[Direction]:
    """Return *directions* also without units, and of years as of ages: ``under 12``."""
    bare = {((number, ""), direction) for (number, _), direction in directions}
    aged = {((n, "age"), direction) for (n, unit), direction in directions if unit == "year"}
    years = {((n, "year"), direction) for (n, unit), direction in directions if unit == "age"}
    return directions | bare | aged | years


def scripts(words: Iterable[str]) -> tuple[bool, bool]:
    """Return whether *words* are Latin and whether they are Korean, in a third or more."""
    letters = [word[0] >= "가" for word in words if word[0].isalpha()]
    korean = sum(letters)
    return 3 * (len(letters) - korean) >= len(letters), 3 * korean >= len(letters)


def within(value: tuple[float, float, str], known: AbstractSet[Value]) -> bool:
    """Return whether *value* is one end of a range that is *known*."""
    low, high, unit = value
    ends = {end for other in known if isinstance(other, tuple) for end in ends_of(*other)}
    return ends.issuperset(ends_of(low, high, unit))
