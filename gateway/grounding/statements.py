"""The sentences of records, each read once for all the records that say it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from gateway.grounding.quantities import folded
from gateway.grounding.reading import Reading, read

_STOP = re.compile(r"[.!?。](?:\s+|(?<=[다요오]\.)(?=\S))")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_JOINTS = str.maketrans("", "", "·ㆍ-")
_KEPT = 4096
_LONG = 500
"""Characters: what is longer is no sentence, and is not kept, so that what is kept is small."""

Key = tuple[float, float, str]


class Statement(NamedTuple):
    """A sentence of the records, and what it lets a text say."""

    plain: str
    """Folded, and without its end: a text may say it word for word."""
    squeezed: str
    reading: Reading
    numbers: frozenset[float]
    keys: frozenset[Key]
    pairs: frozenset[tuple[Key, Key]]
    """Amounts that stand next to each other."""
    directions: frozenset[tuple[tuple[float, str], int]]
    """Ends with the comparisons (1, -1) that are made with them."""


def split(text: str) -> list[str]:
    """Return the sentences and lines of *text*."""
    ended = _STOP.sub(lambda stop: f"{stop[0][0]}\n", text)
    return [line for line in ended.split("\n") if line and not line.isspace()]


def trimmed(sentence: str) -> str:
    """Return *sentence* without the mark at its end."""
    return sentence.strip(" .!?。")


def squeezed(text: str) -> str:
    """Return folded *text* without what a name may or may not be written with."""
    text = "".join(text.split())
    return text if text.isalnum() else text.translate(_JOINTS)


def stated_in(texts: Iterable[str]) -> list[Statement]:
    """Return what each sentence of *texts* states; records repeat each other and themselves."""
    return [
        _remembered(sentence) if len(sentence) <= _LONG else state(sentence)
        for text in texts
        for sentence in split(text)
    ]


def state(sentence: str) -> Statement:
    """Return what *sentence* states, read now."""
    text = folded(sentence)
    reading = read(text)
    amounts = [quantity.amount for quantity in reading.said]
    return Statement(
        plain=trimmed(text),
        squeezed=squeezed(text),
        reading=reading,
        numbers=frozenset((*map(float, _DIGITS.findall(text)), *(n for n, _ in reading.ends))),
        keys=frozenset(amount.key for amount in amounts),
        pairs=frozenset((one.key, other.key) for one, other in pairwise(amounts)),
        directions=frozenset(
            (end, quantity.direction)
            for quantity in reading.said
            if quantity.direction
            for end in quantity.amount.ends
        ),
    )


_remembered = lru_cache(maxsize=_KEPT)(state)
