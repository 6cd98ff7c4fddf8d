"""The sentences of records, each read once for all the records that say it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from gateway.grounding.frequencies import frequencies
from gateway.grounding.quantities import folded
from gateway.grounding.reading import Reading, read_all

_STOP = re.compile(r"[.!?。](?:\s+|(?<=[다요오]\.)(?=\S))")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_MOST = 4096
_LONG = 500
"""Characters: what is longer is no sentence, and is not kept, so that what is kept is small."""

Key = tuple[float, float, str]
Direction = tuple[tuple[float, str], int]


class Statement(NamedTuple):
    """A sentence of the records, and what it lets a text say."""

    plain: str
    """Folded, and without its end: a text may say it word for word."""
    squeezed: str
    reading: Reading
    numbers: frozenset[float]
    """Its digits."""
    keys: frozenset[Key]
    pairs: frozenset[tuple[Key, Key]]
    """Amounts that stand next to each other."""
    directions: frozenset[Direction]
    """Ends with the comparisons (1, -1) that are made with them."""
    rates: frozenset[tuple[float, float]]
    """How often a day: lowest and highest."""


_kept: dict[str, Statement] = {}
"""The sentences read last: what is new goes in, what is oldest goes out."""


def split(text: str) -> list[str]:
    """Return the sentences and lines of *text*."""
    ended = _STOP.sub(lambda stop: f"{stop[0][0]}\n", text)
    return [line for line in ended.split("\n") if line and not line.isspace()]


def trimmed(sentence: str) -> str:
    """Return *sentence* without the mark at its end."""
    return sentence.strip(" .!?。")


def squeezed(text: str) -> str:
    """Return folded *text* without what a name may or may not be written with."""
    return "".join(text.split()).replace("·", "").replace("ㆍ", "").replace("-", "")


def stated_in(texts: Iterable[str]) -> list[Statement]:
    """Return what each sentence of *texts* states; records repeat each other and themselves."""
    sentences = [sentence for text in texts for sentence in split(text)]
    kept = zip(sentences, map(_kept.get, sentences), strict=True)
    found = {sentence: statement for sentence, statement in kept if statement is not None}
    new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in found]
    stated = list(zip(new, state_all(new), strict=True))
    found.update(stated)
    _kept.update([each for each in stated if len(each[0]) <= _LONG])
    while len(_kept) > _MOST:
        _kept.pop(next(iter(_kept)), None)
    return [found[sentence] for sentence in sentences]


def texts_in(value: object) -> Iterator[str]:
    """Yield every text and number within *value*, which is JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def forget() -> None:
    """Keep no sentence, as a process that has just begun."""
    _kept.clear()


def state_all(sentences: Iterable[str]) -> list[Statement]:
    """Return what *sentences* state, each read now."""
    texts = list(map(folded, sentences))
    readings = read_all(texts)
    keys = [[quantity.amount.key for quantity in reading.said] for reading in readings]
    return list(
        map(
            Statement,
            list(map(trimmed, texts)),
            list(map(squeezed, texts)),
            readings,
            [frozenset(map(float, _DIGITS.findall(text))) for text in texts],
            map(frozenset, keys),
            map(frozenset, map(pairwise, keys)),
            map(_directions, readings),
            map(_rates, texts, readings),
        )
    )


def _rates(text: str, reading: Reading) -> frozenset[tuple[float, float]]:
    return frozenset([(each.low, each.high) for each in frequencies(text, reading.said)])


def _directions(reading: Reading) -> frozenset[Direction]:
    return frozenset(
        [
            (end, quantity.direction)
            for quantity in reading.said
            if quantity.direction
            for end in quantity.amount.ends
        ]
    )
