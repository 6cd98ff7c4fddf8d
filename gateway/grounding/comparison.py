"""A sentence held against those of the records that it may have been made from."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gateway.grounding.quantities import Quantity
from gateway.grounding.reading import Reading

Term = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A claim that the records do not make."""

    kind: str
    """``number``, ``name``, ``negation``, ``comparison`` or ``term``."""
    text: str


def misplaced(claims: list[Quantity], alike: list[Reading], text: str) -> Iterator[Unsupported]:
    """Yield the numbers that the records say, but not in the sentences that *text* comes from."""
    held = alike[0].ends.union(*(s.ends for s in alike[1:])) if len(alike) > 1 else alike[0].ends
    for quantity in claims:
        amount = quantity.amount
        if not held.isdisjoint(amount.ends):
            if quantity.direction and _compared_otherwise(quantity, alike):
                yield Unsupported("comparison", quantity.text)
            continue
        if amount.unit == "age" and (amount.key[0], "year") in held:
            continue
        if (amount.key[0], f"{amount.unit}/day") in held:
            continue  # 8 tablets daily
        if quantity.start and text[quantity.start - 1].isalpha():
            continue  # part of a name: 타이레놀정500밀리그람
        if any(unit == amount.unit for _, unit in held):
            yield Unsupported("number", quantity.text)


def _compared_otherwise(quantity: Quantity, alike: list[Reading]) -> bool:
    """Return whether every sentence of *alike* that compares *quantity* does so the other way."""
    ends = quantity.amount.ends
    ways = [q.direction for s in alike for q in s.said if q.direction and q.amount.ends == ends]
    return bool(ways) and quantity.direction not in ways


def turned_round(
    terms: set[Term], denied: set[str], words: set[str], alike: list[Reading]
) -> list[Unsupported]:
    """Return what every sentence that a text may come from says the other way round.

    Of the text these are the *terms*, what is *denied*, and the *words*.
    """
    first, found = alike[0], []
    if denied or first.denied:
        wrong = _denied_otherwise(denied, words, alike)
        found = [Unsupported("negation", word) for word in wrong]
    if first.terms and (len(alike) == 1 or all(sentence.terms for sentence in alike)):
        others = terms - first.terms
        found += [Unsupported("term", f"{k} {v}") for k, v in others if _excluded(k, v, alike)]
    return found


def _excluded(kind: str, value: str, alike: list[Reading]) -> bool:
    """Return whether every sentence of *alike* has other values of *kind*."""
    others = [{v for k, v in sentence.terms if k == kind} for sentence in alike]
    return all(values and value not in values for values in others)


def _denied_otherwise(denied: set[str], words: set[str], alike: list[Reading]) -> AbstractSet[str]:
    """Return the words that *denied* holds and no sentence of *alike* denies, or the reverse."""
    first, *others = alike
    wrong = (first.denied & words) - denied
    if wrong and others:
        wrong = wrong.intersection(*[s.denied for s in others])
    if not denied:
        return wrong
    reverse = (denied & first.words) - first.denied
    if reverse and others:
        reverse = reverse.intersection(*[s.words for s in others])
        reverse = reverse.difference(*[s.denied for s in others])
    return wrong | reverse
