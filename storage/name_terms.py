"""The index terms of names, and the expressions that find names by their parts. Pure.

The index is a full-text table of SQLite (FTS5) whose "words" are the runs of one, two and three
characters of each folded name, of its initial consonants, and of the start of both. A part of
any length is found by the terms that cover it; rows come shortest name first, so that the most
similar names come first and reading can stop at the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import combinations
from operator import add
from zlib import crc32

from storage.names import has_initials, initials, is_hangul, ngrams

LONGEST = 3
"""Characters of the longest run that is a term."""
# fold() leaves no character of Unicode's private use area in a name: they mark terms.
_SOURCES, _MARKS = 0xE000, 6000
_START = "\uf8fe"
_MOST_TERMS = 8
"""Terms that narrow a search down enough: what they find is compared in full anyway."""
_MOST_STARTS = 40
"""Places of a long text at which a name may begin."""
_SHORT, _SHORT_HANGUL, _SHORT_PAIR = 6, 5, 8
"""Characters below which (the third: up to which) each place of an error, or of two beside each
other, has an expression of its own."""


def document(source: str, folded: str) -> str:
    """Return the terms of a name, separated by spaces."""
    return " ".join(document_terms(source, folded))


def document_terms(source: str, folded: str) -> list[str]:
    """Return the terms of a name."""
    mark = _mark(source)
    terms: set[str] = set()
    for text in {folded, initials(folded)}:
        grams: Iterable[str] = text
        for size in range(1, LONGEST + 1):
            terms.update(grams)
            terms.add(_START + text[:size])
            grams = list(map(add, grams, text[size:]))  # each one character longer
    return [mark + term for term in sorted(terms)]


def beginning(source: str, folded: str) -> str:
    """Return the expression for names that begin with a folded text, and a few others."""
    return _all(beginning_terms(source, folded))


def beginning_terms(source: str, folded: str) -> list[str]:
    """Return the terms that such names have."""
    mark, text = _mark(source), _searched(folded)
    return [mark + _START + text[:LONGEST], *(mark + gram for gram in _cover(text)[1:])]


def containing(source: str, folded: str) -> str:
    """Return the expression for names that contain a folded text, and a few others."""
    return _all(containing_terms(source, folded))


def containing_terms(source: str, folded: str) -> list[str]:
    """Return the terms that such names have."""
    mark = _mark(source)
    return [mark + gram for gram in _cover(_searched(folded))]


def resembling(source: str, folded: str, gap: int) -> str:
    """Return the expression for names that contain a folded text but for *gap* characters of it.

    Empty if the text is too short for such a search to be more than a guess.
    """
    branches = map(_all, resembling_terms(source, folded, gap))
    return " OR ".join(f"({branch})" for branch in dict.fromkeys(branches))


def resembling_terms(source: str, folded: str, gap: int) -> list[list[str]]:
    """Return the terms of such names, one list for each way in which they may differ."""
    mark = _mark(source)
    branches = []
    for spans in kept_spans(folded, gap):
        pieces = [folded[start:end] for start, end in spans]
        grams = [gram for piece in pieces if _telling(piece) for gram in _cover(piece)]
        if grams:
            branches.append([mark + gram for gram in grams])
    return branches


def leading_terms(source: str, folded: str) -> list[str]:
    """Return terms of which a name has one whose beginning a longer folded text holds."""
    mark = _mark(source)
    starts = dict.fromkeys(ngrams(folded, LONGEST)[:_MOST_STARTS])
    return [mark + _START + start for start in starts]


def leading(source: str, folded: str) -> str:
    """Return the expression for such names; empty if the text is too short for any."""
    return " OR ".join(f'"{term}"' for term in leading_terms(source, folded))


def kept_spans(folded: str, gap: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield the parts of a folded text that are right if *gap* characters elsewhere are not.

    Each part is where it begins and where it ends.
    """
    size = len(folded)
    hangul = size > 0 and is_hangul(folded[0])
    if size < (_SHORT_HANGUL if hangul else _SHORT) or (gap > 1 and size <= _SHORT_PAIR):
        for place in range(size - gap + 1):
            around = (0, place), (place + gap, size)
            if kept := tuple(span for span in around if span[0] < span[1]):
                yield kept
        return
    # Of three blocks, one error leaves two whole, and two errors leave one.
    cuts = (0, round(size / 3), round(2 * size / 3), size)
    for blocks in combinations(range(3), 3 - gap):
        spans = tuple((cuts[block], cuts[block + 1]) for block in blocks)
        yield ((spans[0][0], spans[-1][1]),) if blocks in ((0, 1), (1, 2)) else spans


def _telling(piece: str) -> bool:
    return len(piece) > 1 or (piece != "" and is_hangul(piece))


def _cover(text: str) -> list[str]:
    """Return runs that together cover *text*, the first at its start."""
    starts = [*range(0, len(text) - LONGEST, LONGEST), max(0, len(text) - LONGEST)]
    return [text[start : start + LONGEST] for start in starts[:_MOST_TERMS]]


def _searched(folded: str) -> str:
    return initials(folded) if has_initials(folded) else folded


@lru_cache(maxsize=256)
def _mark(source: str) -> str:
    # Two sources may share a mark: a row's own source is compared as well.
    return chr(_SOURCES + crc32(source.encode()) % _MARKS)


def _all(terms: list[str]) -> str:
    return " AND ".join(f'"{term}"' for term in dict.fromkeys(terms))
