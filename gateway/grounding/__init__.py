"""Grounding: does every number, name, negation and comparison of a text stand in its records?

Pure code, no model. Records are indexed once (`Grounds`), and a text is checked sentence
by sentence against the record sentences that it is most like. It holds a text to what
the records state; it does not judge what a text leaves out.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

from gateway.grounding.alignment import Alignment
from gateway.grounding.amounts import ends_of
from gateway.grounding.comparison import Unsupported, misplaced, turned_round
from gateway.grounding.names import names_among
from gateway.grounding.quantities import Quantity, all_folded, folded, quantities
from gateway.grounding.reading import POPULATION, Place, Reading, Stand, Value, marked, places
from gateway.grounding.statements import split, squeezed, state_all, stated_in, trimmed
from gateway.grounding.words import meaning, negated, stems, words_of

_Item = TypeVar("_Item")

__all__ = ["Grounds", "Unsupported"]

_NUMBERED = re.compile(r"[.!?。](?:[^\S\n]+|(?<=[다요오]\.))\(?(\d{1,2}(?=[.)]\s)|[①-⑳])")
"""Numbering within a line."""
_DAY = frozenset({(1.0, "day"), (1440.0, "minute")})
"""Once a day is every 24 hours."""
_FEW = 0.15
"""Share of its words that a text which speaks of the records has from them, at the very least."""


class Grounds:
    """What some records state, indexed so that texts can be held against it."""

    def __init__(self, records: Sequence[Mapping[str, Any]], *also: str) -> None:
        """Index *records*; *also* are texts whose names and numbers may be said, as the query."""
        texts = [text for record in records for text in _texts(record)]
        stated = stated_in(texts)
        granted = [*stated, *state_all(also)]
        self._asked = stems(folded("\n".join(also)))
        self._named = stems(folded("\n".join(str(record.get("name", "")) for record in records)))
        self._text = "".join([statement.squeezed for statement in granted])
        self._verbatim = {statement.plain for statement in stated}
        self._sentences = [statement.reading for statement in stated]
        self._alignment = Alignment([sentence.words for sentence in self._sentences])
        self._known = _union(statement.reading.spoken for statement in granted)
        self._keys = _union(statement.keys for statement in granted)
        self._pairs = _union(statement.pairs for statement in granted)
        self._directions = _union(statement.directions for statement in granted)
        # Numbering is no claim in a text, but what a record numbers a text may repeat.
        numbered = _NUMBERED.findall("\n".join(texts))
        self._numbers = _union(statement.numbers for statement in granted)
        self._numbers.update([float(unicodedata.normalize("NFKC", digits)) for digits in numbered])
        self._ends = _union(statement.reading.ends for statement in granted)
        self._numbers.update([number for number, _ in self._ends])
        self._ends.update([(number, "age") for number, unit in self._ends if unit == "year"])
        if not self._ends.isdisjoint(_DAY):
            self._ends |= _DAY
        self._places = _placed(self._sentences)

    @cached_property
    def _scripts(self) -> tuple[bool, bool]:
        return _scripts(self._alignment.words)

    def touches(self, text: str) -> bool:
        """Return whether *text* speaks of the records at all: in some of their words.

        A text in another script than theirs cannot, and is held to its names and numbers alone.
        """
        said = stems(folded(text)) - self._asked
        said = {word for word in said if self._scripts[word[0] >= "가"]}
        shared = len(self._alignment.words & said)
        return shared >= _FEW * len(said) and (shared > 0 or not said)

    def check(self, text: str) -> tuple[Unsupported, ...]:
        """Return the claims of *text* that the records do not support; nothing, when all are."""
        raw = split(text)
        plain = all_folded(raw)
        own = [index for index, line in enumerate(plain) if trimmed(line) not in self._verbatim]
        # Step by step for all sentences, here and below: far faster than sentence by sentence,
        # because the code of one step at a time stays in the processor's caches.
        lines = [plain[index] for index in own]
        spoken = [words_of(line) for line in lines]
        unknown = set().union(*spoken).difference(self._known)
        found = list(self._strangers(unknown, "\n".join([raw[index] for index in own])))
        found += self._misstated(lines, spoken)
        return tuple(dict.fromkeys(found))

    def _strangers(self, unknown: set[str], text: str) -> Iterator[Unsupported]:
        """Yield the names that the records do not hold."""
        korean = [word for word in unknown if word[0] >= "가" and len(word) > 2]
        for name in names_among(korean, text, self._known):
            if squeezed(folded(name)) not in self._text:
                yield Unsupported("name", name)

    def _misstated(self, lines: list[str], spoken: list[list[str]]) -> Iterator[Unsupported]:
        """Yield what *lines*, of which each has the words *spoken*, say otherwise."""
        said = [quantities(line) for line in lines]
        meanings = [list(map(meaning, each)) for each in spoken]
        words = [marked(*each) for each in zip(meanings, said, strict=True)]
        claims = [[quantity for quantity in each if not quantity.soft] for each in said]
        unknown = [self._unknown(each) for each in claims]
        for counted in zip(said, claims, unknown, strict=True):
            if counted[0]:
                yield from self._misquoted(*counted)
        known = [
            [quantity for quantity in every if quantity not in wrong] if wrong else every
            for every, wrong in zip(claims, unknown, strict=True)
        ]
        told_by = zip(spoken, meanings, strict=True)
        stands = [places(*each) for each in zip(lines, told_by, known, words, strict=True)]
        for stand in filter(None, stands):
            yield from self._out_of_place(stand)
        named = self._named
        told = [each if named.isdisjoint(each) else each - named for each in words]
        like = [self._alignment.like(each) for each in told]
        alike = [[self._sentences[index] for index in each] for each in like]
        for line, every, wrong, near in zip(lines, claims, unknown, alike, strict=True):
            if near and every and not wrong:
                yield from misplaced(every, near, line)
        denied = [negated(line) for line in lines]
        for each in zip(lines, denied, told, alike, strict=True):
            if each[-1]:
                yield from turned_round(*each)

    def _misquoted(
        self, said: list[Quantity], claims: list[Quantity], unknown: list[Quantity]
    ) -> list[Unsupported]:
        found = [Unsupported("number", quantity.text) for quantity in unknown]
        compared = [quantity for quantity in claims if quantity.direction]
        found += [Unsupported("comparison", each.text) for each in compared if self._turned(each)]
        if not unknown and len(said) > 1:
            found += self._parted(said)
        return found

    def _out_of_place(self, found: list[Stand]) -> Iterator[Unsupported]:
        """Yield what stands between words between which the records say something else."""
        for place, value, text in found:
            known = self._places.get(place)
            if known is not None and value in known:
                continue
            kind, before, after = place
            if not (before or after):
                known = None
            if known is None and kind == POPULATION:
                known = self._beside(before, after)
            if not known or value in known:
                continue
            if kind == POPULATION:
                yield Unsupported("term", text)
            elif isinstance(value, tuple) and not _within(value, known):
                yield Unsupported("number", text)

    def _beside(self, before: str, after: str) -> AbstractSet[Value] | None:
        """Return who stands beside a word that the records have in one sentence alone."""
        if after and self._alignment.rare(after):
            return self._places.get((POPULATION, "*", after))
        if before and self._alignment.rare(before):
            return self._places.get((POPULATION, before, "*"))
        return None

    def _parted(self, said: list[Quantity]) -> Iterator[Unsupported]:
        """Yield the numbers that stand together here and never do in the records."""
        for one, other in pairwise(said):
            if (one.soft and one.text != "하루") or other.soft:
                continue
            apart = other.start - one.start - len(one.text)
            if apart <= 1 and (one.amount.key, other.amount.key) not in self._pairs:
                yield Unsupported("number", f"{one.text} {other.text}")

    def _unknown(self, claims: list[Quantity]) -> list[Quantity]:
        keys = self._keys
        return [each for each in claims if each.amount.key not in keys and not self._knows(each)]

    def _knows(self, quantity: Quantity) -> bool:
        """Return whether *quantity*, which nobody says like this, is an end of a range, or bare."""
        low, high, unit = quantity.amount.key
        if low != high:
            return False
        return (low, unit) in self._ends if unit else low in self._numbers

    def _turned(self, quantity: Quantity) -> bool:
        """Return whether the records only ever say the opposite comparison of this number."""
        direction, ends = quantity.direction, quantity.amount.ends
        return any((end, -direction) in self._directions for end in ends) and not any(
            (end, direction) in self._directions for end in ends
        )


def _union(sets: Iterable[Iterable[_Item]]) -> set[_Item]:
    return set().union(*sets)


def _placed(sentences: Iterable[Reading]) -> Mapping[Place, AbstractSet[Value]]:
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


def _scripts(words: Iterable[str]) -> tuple[bool, bool]:
    """Return whether *words* are Latin and whether they are Korean, in a third or more."""
    letters = [word[0] >= "가" for word in words if word[0].isalpha()]
    korean = sum(letters)
    return 3 * (len(letters) - korean) >= len(letters), 3 * korean >= len(letters)


def _within(value: tuple[float, float, str], known: AbstractSet[Value]) -> bool:
    """Return whether *value* is one end of a range that is *known*."""
    low, high, unit = value
    ends = {end for other in known if isinstance(other, tuple) for end in ends_of(*other)}
    return ends.issuperset(ends_of(low, high, unit))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
