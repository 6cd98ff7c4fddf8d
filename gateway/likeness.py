"""How like two questions are, and whether they ask the same thing. Pure.

Likeness only finds candidates. Whatever changes what is asked (a number, a negation, for whom,
before or after) must be the same in both texts, whatever their likeness.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Annotated

import msgspec

from adapters.sources.units import Spec
from gateway.grounding.quantities import folded, quantities
from gateway.grounding.words import negated, typed
from storage.names import jamo, ngrams

_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_DENIALS = re.compile(
    r"\b(?:not?|never|without|avoid|stop|cannot|non)\b|n['’]t\b"
    r"|않|못|없|금지|마세요|말고|말아|아닌|아니|\b안(?=\s|되|돼|됩)"
)


class SimilarSpec(Spec, frozen=True, kw_only=True):
    """``similar:`` of a source."""

    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """Likeness, from 0 to 1, above which another query's answer may stand in; 0: none may."""


def likeness(one: str, other: str) -> float:
    """Return how like two normalized texts are, from 0 to 1: the trigrams that they share.

    Of letters as they are typed (jamo), word by word, so that the order of words counts little;
    twice what is shared over what there is (Dice).
    """
    left, right = _trigrams(one), _trigrams(other)
    return 2 * len(left & right) / (len(left) + len(right)) if left and right else 0.0


def claims(text: str) -> Hashable:
    """Return what of *text* must be the same for another to ask the same thing."""
    plain = folded(text)
    return (
        frozenset((*each.key, each.direction) for each in quantities(plain)),
        frozenset(_DIGITS.findall(plain)),
        frozenset(negated(plain)),
        tuple(sorted(_DENIALS.findall(plain))),
        frozenset(typed(plain)),
    )


def _trigrams(text: str) -> frozenset[str]:
    return frozenset(gram for word in text.split() for gram in ngrams(f"  {jamo(word)} ", 3))
