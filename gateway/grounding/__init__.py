"""Grounding: does every number, name, negation and comparison of a text stand in its records?

Pure code, no model. Records are indexed once (`Grounds`), and a text is checked sentence
by sentence against the record sentences that it is most like. It holds a text to what
the records state; it does not judge what a text leaves out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from gateway.grounding.alignment import Alignment
from gateway.grounding.comparison import Unsupported, misplaced, turned_round
from gateway.grounding.names import known_words, names
from gateway.grounding.quantities import Quantity, ends_of, folded, in_order
from gateway.grounding.reading import POPULATION, Place, Stand, Value, marked, places, read
from gateway.grounding.words import stems, tokens

__all__ = ["Grounds", "Unsupported"]

_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+|(?<=[다요오]\.)(?=\S)")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_JOINTS = re.compile(r"[\s·ㆍ-]")
_DAY = ((1.0, "day"), (1440.0, "minute"))
"""Once a day is every 24 hours."""
_FEW = 0.15
"""Share of its words that a text which speaks of the records has from them, at the very least."""


class Grounds:
    """What some records state, indexed so that texts can be held against it."""

    def __init__(self, records: Sequence[Mapping[str, Any]], *also: str) -> None:
        """Index *records*; *also* are texts whose names and numbers may be said, as the query."""
        texts = [text for record in records for text in _texts(record)]
        every = "\n".join((*texts, *also))
        whole = folded(every)
        self._text = _JOINTS.sub("", whole)
        self._known = known_words(every)
        said = [folded(s) for text in texts for s in _split(text)]
        self._verbatim = {_trimmed(sentence) for sentence in said}
        self._sentences = [read(sentence) for sentence in said]
        self._alignment = Alignment([sentence.words for sentence in self._sentences])
        named = folded("\n".join(str(record.get("name", "")) for record in records))
        self._named = stems(named)
        self._asked = stems(folded("\n".join(also)))
        self._scripts = _scripts(self._alignment.words)
        # Numbering is no claim in a text, but what a record numbers a text may repeat.
        self._numbers = {float(number) for number in _DIGITS.findall(whole)}
        self._ends: set[tuple[float, str]] = set()
        self._keys: set[tuple[float, float, str]] = set()
        self._pairs: set[tuple[object, object]] = set()
        self._places: defaultdict[Place, set[Value]] = defaultdict(set)
        self._directions: defaultdict[tuple[float, str], set[int]] = defaultdict(set)
        for sentence in self._sentences:
            self._add(sentence.said)
            for place, value, _ in sentence.places:
                self._places[place].add(value)
                self._places[place[0], place[1], "*"].add(value)
                self._places[place[0], "*", place[2]].add(value)
        for text in also:
            self._add(in_order(folded(text)))

    def _add(self, found: list[Quantity]) -> None:
        for quantity in found:
            self._keys.add(quantity.key)
            for number, unit in quantity.ends:
                self._numbers.add(number)
                self._ends.add((number, unit))
                self._directions[number, unit].add(quantity.direction)
                if unit == "year":
                    self._ends.add((number, "age"))
                if (number, unit) in _DAY:
                    self._ends.update(_DAY)
        self._pairs.update((one.key, other.key) for one, other in pairwise(found))

    def touches(self, text: str) -> bool:
        """Return whether *text* speaks of the records at all: in some of their words.

        A text in another script than theirs cannot, and is held to its names and numbers alone.
        """
        said = stems(folded(text)) - self._asked
        said = {word for word in said if self._scripts[word[0] >= "가"]}
        shared = sum(word in self._alignment for word in said)
        return shared >= _FEW * len(said) and (shared > 0 or not said)

    def check(self, text: str) -> tuple[Unsupported, ...]:
        """Return the claims of *text* that the records do not support; nothing, when all are."""
        raw = _split(text)
        plain = [folded(sentence) for sentence in raw]
        own = [index for index, line in enumerate(plain) if _trimmed(line) not in self._verbatim]
        found = list(self._strangers("\n".join(raw[index] for index in own)))
        # Step by step for all sentences: faster by a tenth than sentence by sentence.
        lines = [plain[index] for index in own]
        said = [in_order(line) for line in lines]
        held = [tokens(line) for line in lines]
        words = [marked(*each) for each in zip(held, said, strict=True)]
        like = [self._alignment.like(each - self._named) for each in words]
        for each in zip(lines, said, held, words, like, strict=True):
            found.extend(self._check_sentence(*each))
        return tuple(dict.fromkeys(found))

    def _strangers(self, text: str) -> Iterator[Unsupported]:
        """Yield the names that the records do not hold."""
        for name in names(text, self._known):
            if _JOINTS.sub("", folded(name)) not in self._text:
                yield Unsupported("name", name)

    def _check_sentence(
        self,
        text: str,
        said: list[Quantity],
        held: list[tuple[int, str]],
        words: set[str],
        like: list[int],
    ) -> Iterator[Unsupported]:
        claims = [quantity for quantity in said if not quantity.soft]
        unknown = [quantity for quantity in claims if not self._knows(quantity)]
        for quantity in unknown:
            yield Unsupported("number", quantity.text)
        for quantity in claims:
            if quantity.direction and self._turned(quantity):
                yield Unsupported("comparison", quantity.text)
        if not unknown:
            yield from self._parted(said)
        known = [quantity for quantity in claims if quantity not in unknown] if unknown else claims
        yield from self._out_of_place(places(held, known, words))
        if like:
            alike = [self._sentences[index] for index in like]
            if claims and not unknown:
                yield from misplaced(claims, alike, text)
            yield from turned_round(text, words - self._named, alike)

    def _out_of_place(self, found: Iterator[Stand]) -> Iterator[Unsupported]:
        """Yield what stands between words between which the records say something else."""
        for (kind, before, after), value, text in found:
            known = self._places.get((kind, before, after)) if before or after else None
            if known is None and kind == POPULATION:
                known = self._beside(before, after)
            if not known or value in known:
                continue
            if kind == POPULATION:
                yield Unsupported("term", text)
            elif isinstance(value, tuple) and not _within(value, known):
                yield Unsupported("number", text)

    def _beside(self, before: str, after: str) -> set[Value] | None:
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
            if other.start - one.end <= 1 and (one.key, other.key) not in self._pairs:
                yield Unsupported("number", f"{one.text} {other.text}")

    def _knows(self, quantity: Quantity) -> bool:
        if not quantity.unit:
            one = quantity.low == quantity.high
            return quantity.low in self._numbers if one else quantity.key in self._keys
        if quantity.key in self._keys:
            return True
        if quantity.low != quantity.high:
            return False
        return (quantity.low, quantity.unit) in self._ends

    def _turned(self, quantity: Quantity) -> bool:
        """Return whether the records only ever say the opposite comparison of this number."""
        known = set().union(*(self._directions.get(end, set()) for end in quantity.ends))
        return -quantity.direction in known and quantity.direction not in known


def _scripts(words: Iterable[str]) -> tuple[bool, bool]:
    """Return whether *words* are Latin and whether they are Korean, in a third or more."""
    letters = [word[0] >= "가" for word in words if word[0].isalpha()]
    korean = sum(letters)
    return 3 * (len(letters) - korean) >= len(letters), 3 * korean >= len(letters)


def _within(value: tuple[float, float, str], known: set[Value]) -> bool:
    """Return whether *value* is one end of a range that is *known*."""
    low, high, unit = value
    ends = {end for other in known if isinstance(other, tuple) for end in ends_of(*other)}
    return ends.issuperset(ends_of(low, high, unit))


def _trimmed(text: str) -> str:
    return text.strip(" .!?。")


def _split(text: str) -> list[str]:
    return [sentence for sentence in _SENTENCE.split(text) if sentence and sentence.strip()]


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
