"""Grounding: does every number, name, negation and comparison of a text stand in its records?

Pure code, no model. Records are indexed once (`Grounds`), and a text is checked sentence
by sentence against the record sentences that it is most like. It holds a text to what
the records state; it does not judge what a text leaves out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import pairwise
from typing import Any

from gateway.grounding.alignment import Alignment
from gateway.grounding.comparison import Unsupported, misplaced, turned_round
from gateway.grounding.frequencies import A_DAY, frequencies, stated
from gateway.grounding.names import names_among
from gateway.grounding.quantities import Quantity, all_folded, folded, quantities
from gateway.grounding.reading import POPULATION, Reading, Stand, Value, marked, places
from gateway.grounding.sets import compared, placed, scripts, union, within
from gateway.grounding.statements import (
    split,
    squeezed,
    state_all,
    stated_in,
    texts_in,
    trimmed,
)
from gateway.grounding.words import WAYS, meaning, negated, stems, typed, words_of

__all__ = ["Grounds", "Unsupported"]

_NUMBERED = re.compile(r"[.!?。](?:[^\S\n]+|(?<=[다요오]\.))\(?(\d{1,2}(?=[.)]\s)|[①-⑳])")
"""Numbering within a line."""
_DAY = frozenset({(1.0, "day"), (1440.0, "minute")})
"""Once a day is every 24 hours."""
_A_DAY = re.compile(r"\s*(?:daily|(?:a|each|every) day|in (?:24 hours|a day))\b")
_PER_DAY = re.compile(r"\s*(?:/|per\s)\s*day\Z")
_SQUEEZED_A_DAY = ("daily", "aday", "eachday", "everyday", "in24hours", "inaday")
_FEW = 0.15
"""Share of its words that a text which speaks of the records has from them, at the very least."""


class Grounds:
    """What some records state, indexed so that texts can be held against it."""

    def __init__(self, records: Sequence[Mapping[str, Any]], *also: str) -> None:
        """Index *records*; *also* are texts whose names and numbers may be said, as the query."""
        texts = [text for record in records for text in texts_in(record)]
        stated = stated_in(texts)
        granted = [*stated, *state_all(also)]
        self._asked = stems(folded("\n".join(also)))
        names = "\n".join(str(record.get("name", "")) for record in records)
        self._named = stems(folded(names))
        self._named_terms = typed(folded(names))
        self._text = "".join([statement.squeezed for statement in granted])
        self._verbatim = {statement.plain for statement in stated}
        self._sentences = [statement.reading for statement in stated]
        self._alignment = Alignment([sentence.words for sentence in self._sentences])
        self._known = union(statement.reading.spoken for statement in granted)
        self._keys = union(statement.keys for statement in granted)
        self._pairs = union(statement.pairs for statement in granted)
        self._directions = compared(union(statement.directions for statement in granted))
        self._rates = union(statement.rates for statement in granted)
        terms = union(statement.reading.terms for statement in granted)
        self._ways = {term for term in terms if term[0] in WAYS}
        # Numbering is no claim in a text, but what a record numbers a text may repeat.
        numbered = _NUMBERED.findall("\n".join(texts))
        self._numbers = union(statement.numbers for statement in granted)
        self._numbers.update([float(unicodedata.normalize("NFKC", digits)) for digits in numbered])
        self._ends = union(statement.reading.ends for statement in granted)
        self._numbers.update([number for number, _ in self._ends])
        self._ends.update([(number, "age") for number, unit in self._ends if unit == "year"])
        if not self._ends.isdisjoint(_DAY):
            self._ends |= _DAY
        self._places = placed(self._sentences)

    @cached_property
    def _scripts(self) -> tuple[bool, bool]:
        return scripts(self._alignment.words)

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
            plain = squeezed(folded(name))
            if plain not in self._text and plain.removesuffix("s") not in self._known:
                yield Unsupported("name", name)

    def _too_often(self, line: str, said: list[Quantity]) -> list[Unsupported]:
        """Return how often something is said to be done, where the records say other times only."""
        often = frequencies(line, said) if self._rates else []
        return [Unsupported("number", one.text) for one in often if not stated(one, self._rates)]

    def _misstated(self, lines: list[str], spoken: list[list[str]]) -> Iterator[Unsupported]:
        """Yield what *lines*, of which each has the words *spoken*, say otherwise."""
        said = [quantities(line) for line in lines]
        meanings = [list(map(meaning, each)) for each in spoken]
        words = [marked(*each) for each in zip(meanings, said, strict=True)]
        claims = [[quantity for quantity in each if not quantity.soft] for each in said]
        unknown = [self._unknown(*each) for each in zip(claims, said, lines, strict=True)]
        for line, *counted in zip(lines, said, claims, unknown, strict=True):
            if counted[0]:
                yield from self._misquoted(*counted)
                yield from self._too_often(line, counted[0])
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
        yield from self._turned_round(lines, told, alike)

    def _turned_round(
        self, lines: list[str], told: list[set[str]], alike: list[list[Reading]]
    ) -> Iterator[Unsupported]:
        """Yield what *lines* say the other way round than the sentences that each is like."""
        denied = [negated(line) for line in lines]
        terms = [typed(line) - self._named_terms for line in lines]
        for each in zip(terms, denied, told, alike, strict=True):
            if each[-1]:
                yield from turned_round(*each)
        yield from self._other_ways(set().union(*terms))

    def _other_ways(self, terms: set[tuple[str, str]]) -> Iterator[Unsupported]:
        """Yield ways of taking something that the records do not name, where they name others."""
        for kind, value in terms - self._ways:
            if kind in WAYS and any(known == kind for known, _ in self._ways):
                yield Unsupported("term", f"{kind} {value}")

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
            elif isinstance(value, tuple) and not within(value, known):
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
            if (one.soft and one.text != "하루") or other.soft or other.unit == "time/day":
                continue
            if one.amount.key == A_DAY and not self._says(other):
                continue  # so often the records say it otherwise
            apart = other.start - one.start - len(one.text)
            if apart <= 1 and (one.amount.key, other.amount.key) not in self._pairs:
                yield Unsupported("number", f"{one.text} {other.text}")

    def _unknown(self, claims: list[Quantity], said: list[Quantity], line: str) -> list[Quantity]:
        """Return which of *claims*, which are *said* in *line* among others, no record says."""
        strange = [each for each in claims if not self._says(each)]
        if not strange:
            return []
        ends = union(self._rates)
        often = [one.number for one in frequencies(line, said) if ends >= {one.low, one.high}]
        return [e for e in strange if e not in often and not self._said_otherwise(e, line)]

    def _said_otherwise(self, quantity: Quantity, line: str) -> bool:
        """Return whether *quantity* is so much a day: 8 tablets daily are 8 tablets per day."""
        low, high, unit = quantity.amount.key
        if low != high:
            return False
        if not unit.endswith("/day"):
            return (low, f"{unit}/day") in self._ends and bool(_A_DAY.match(line, quantity.end))
        bare = squeezed(_PER_DAY.sub("", quantity.text))
        return any(f"{bare}{ending}" in self._text for ending in _SQUEEZED_A_DAY)

    def _says(self, quantity: Quantity) -> bool:
        """Return whether the records say *quantity*, as it is, as an end of a range, or bare."""
        low, high, unit = key = quantity.amount.key
        if key in self._keys or low != high:
            return key in self._keys
        if unit == "year" and quantity.direction and (low, "age") in self._ends:
            return True
        return (low, unit) in self._ends if unit else low in self._numbers

    def _turned(self, quantity: Quantity) -> bool:
        """Return whether the records only ever say the opposite comparison of this number."""
        direction, ends = quantity.direction, quantity.amount.ends
        return any((end, -direction) in self._directions for end in ends) and not any(
            (end, direction) in self._directions for end in ends
        )
