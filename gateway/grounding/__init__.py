"""Grounding: does every number, name, negation and comparison of a text stand in its records?

Pure code, no model. Records are indexed once (`Grounds`), and a text is checked sentence
by sentence against the record sentences that it is most like. It holds a text to what
the records state; it does not judge what a text leaves out.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gateway.grounding.names import known_words, names
from gateway.grounding.quantities import Quantity, folded, quantities
from gateway.grounding.words import negated, stems, typed

_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+|(?<=[다요오]\.)(?=\S)")
_ALIKE = 0.6
"""Share of a sentence's words that a record sentence must hold to be what it was made from."""
_NEARLY = 0.12
_RAREST = 6
"""So many of a sentence's words, the rarest, say which record sentences are looked at …"""
_CANDIDATES = 12
"""… and so many of those are."""
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A claim that the records do not make."""

    kind: str
    """``number``, ``name``, ``negation``, ``comparison`` or ``term``."""
    text: str


@dataclass(frozen=True, slots=True)
class _Sentence:
    words: frozenset[str]
    ends: frozenset[tuple[float, str]]
    denied: frozenset[str]
    terms: frozenset[tuple[str, str]]


class Grounds:
    """What some records state, indexed so that texts can be held against it."""

    def __init__(self, records: Sequence[Mapping[str, Any]], *also: str) -> None:
        """Index *records*; *also* are texts whose names and numbers may be said, as the query."""
        texts = [text for record in records for text in _texts(record)]
        whole = folded("\n".join((*texts, *also)))
        self._text = re.sub(r"[\s·ㆍ-]", "", whole)
        self._words = known_words("\n".join((*texts, *also)))
        said = [folded(s) for text in texts for s in _split(text)]
        self._verbatim = {_trimmed(sentence) for sentence in said}
        self._sentences = [_read(sentence) for sentence in said]
        named = folded("\n".join(str(record.get("name", "")) for record in records))
        self._named = stems(named)
        # Numbering is no claim in a text, but what a record numbers a text may repeat.
        self._numbers = {float(number) for number in _DIGITS.findall(whole)}
        self._ends: set[tuple[float, str]] = set()
        self._keys: set[tuple[float, float, str]] = set()
        self._pairs: set[tuple[object, object]] = set()
        self._directions: defaultdict[tuple[float, str], set[int]] = defaultdict(set)
        for text in (*texts, *also):
            found = _in_order(folded(text))
            for quantity in found:
                self._add(quantity)
            self._pairs.update((one.key, other.key) for one, other in pairwise(found))
        self._where: defaultdict[str, list[int]] = defaultdict(list)
        for index, sentence in enumerate(self._sentences):
            for word in sentence.words:
                self._where[word].append(index)

    def _add(self, quantity: Quantity) -> None:
        self._keys.add(quantity.key)
        for number, unit in quantity.ends:
            self._numbers.add(number)
            self._ends.add((number, unit))
            self._directions[number, unit].add(quantity.direction)
            if unit == "year":
                self._ends.add((number, "age"))
            if (number, unit) == (24.0, "hour"):
                self._ends.add((1.0, "day"))

    def check(self, text: str) -> tuple[Unsupported, ...]:
        """Return the claims of *text* that the records do not support; nothing, when all are."""
        read = [(sentence, folded(sentence)) for sentence in _split(text)]
        own = [(raw, plain) for raw, plain in read if _trimmed(plain) not in self._verbatim]
        found = list(self._strangers("\n".join(raw for raw, _ in own)))
        for _, plain in own:
            found.extend(self._check_sentence(plain))
        return tuple(dict.fromkeys(found))

    def _strangers(self, text: str) -> Iterator[Unsupported]:
        """Yield the names that the records do not hold."""
        for name in names(text, self._words):
            if re.sub(r"[\s·ㆍ-]", "", folded(name)) not in self._text:
                yield Unsupported("name", name)

    def _check_sentence(self, text: str) -> Iterator[Unsupported]:
        said = _in_order(text)
        claims = [quantity for quantity in said if not quantity.soft]
        unknown = [quantity for quantity in claims if not self._knows(quantity)]
        for quantity in unknown:
            yield Unsupported("number", quantity.text)
        for quantity in claims:
            if quantity.direction and self._turned(quantity):
                yield Unsupported("comparison", quantity.text)
        if not unknown:
            yield from self._parted(said)
        words = _marks(text, said) - self._named
        alike = self._alike(words)
        if alike:
            if not unknown:
                yield from _misplaced(claims, alike, text)
            yield from _turned_round(text, words, alike)

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

    def _alike(self, words: set[str]) -> list[_Sentence]:
        """Return the record sentences that hold nearly as many of *words* as the best one does."""
        known = sorted((self._where[w] for w in words if w in self._where), key=len)
        if len(known) < 2 or len(known) < 0.5 * len(words):
            return []
        # What a sentence was made from shares its rarest words.
        near = set().union(*known[:_RAREST])
        if len(near) > _CANDIDATES:
            shared = Counter(index for places in known[:_RAREST] for index in places)
            near = set(sorted(shared, key=shared.__getitem__, reverse=True)[:_CANDIDATES])
        scored = {i: len(words & self._sentences[i].words) / len(known) for i in near}
        best = max(scored.values())
        if best < _ALIKE:
            return []
        return [self._sentences[i] for i, score in scored.items() if score >= best - _NEARLY]


def _misplaced(claims: list[Quantity], alike: list[_Sentence], text: str) -> Iterator[Unsupported]:
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


def _turned_round(text: str, words: set[str], alike: list[_Sentence]) -> Iterator[Unsupported]:
    """Yield what every sentence that *text* may come from says the other way round."""
    denied = negated(text)
    everywhere = frozenset.intersection(*(s.words for s in alike))
    nowhere = everywhere.difference(*(s.denied for s in alike))
    always = frozenset.intersection(*(s.denied for s in alike))
    for word in (denied & nowhere) | ((words - denied) & always):
        yield Unsupported("negation", word)
    if not any(sentence.terms for sentence in alike):
        return
    for kind, value in typed(text):
        others = [{v for k, v in s.terms if k == kind} for s in alike]
        if all(values and value not in values for values in others):
            yield Unsupported("term", f"{kind} {value}")


def _read(text: str) -> _Sentence:
    said = _in_order(text)
    return _Sentence(
        words=frozenset(_marks(text, said)),
        ends=frozenset(end for quantity in said for end in quantity.ends),
        denied=frozenset(negated(text)),
        terms=frozenset(typed(text)),
    )


def _in_order(text: str) -> list[Quantity]:
    return sorted(quantities(text), key=lambda quantity: quantity.start)


def _marks(text: str, said: list[Quantity]) -> set[str]:
    """Return what tells which sentence folded *text* is: its words, and its numbers."""
    return stems(text) | {f"{number:g}{unit}" for q in said for number, unit in q.ends}


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
