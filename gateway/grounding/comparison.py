"""A sentence held against those of the records that it may have been made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.grounding.quantities import Quantity
from gateway.grounding.reading import Reading
from gateway.grounding.words import negated, typed


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A claim that the records do not make."""

    kind: str
    """``number``, ``name``, ``negation``, ``comparison`` or ``term``."""
    text: str


def misplaced(claims: list[Quantity], alike: list[Reading], text: str) -> Iterator[Unsupported]:
    """Yield the numbers that the records say, but not in the sentences that *text* comes from."""
    held = frozenset().union(*(s.ends for s in alike))
    units = {unit for _, unit in held}
    for quantity in claims:
        if quantity.start and text[quantity.start - 1].isalpha():
            continue  # part of a name: 타이레놀정500밀리그람
        if quantity.unit in units and held.isdisjoint(_readings(quantity)):
            yield Unsupported("number", quantity.text)


def _readings(quantity: Quantity) -> Iterator[tuple[float, str]]:
    yield from quantity.ends
    if quantity.unit == "age":
        yield (quantity.low, "year")


def turned_round(text: str, words: set[str], alike: list[Reading]) -> Iterator[Unsupported]:
    """Yield what every sentence that *text* may come from says the other way round."""
    denied = negated(text)
    wrong: set[str] = set()
    if all(sentence.denied for sentence in alike):
        wrong = (words - denied).intersection(*(s.denied for s in alike))
    if denied:
        everywhere = denied.intersection(*(s.words for s in alike))
        wrong |= everywhere.difference(*(s.denied for s in alike))
    for word in wrong:
        yield Unsupported("negation", word)
    kinds = {kind for sentence in alike for kind, _ in sentence.terms}
    for kind, value in typed(text, kinds):
        others = [{v for k, v in s.terms if k == kind} for s in alike]
        if all(values and value not in values for values in others):
            yield Unsupported("term", f"{kind} {value}")
