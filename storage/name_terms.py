"""The index terms of names, and the expressions that find names by their parts. Pure.

The index is a full-text table of SQLite (FTS5) whose "words" are the runs of one, two and three
characters of each folded name, of its initial consonants, and of the start of both. A part of
any length is found by the terms that cover it; rows come shortest name first, so that the most
similar names come first and reading can stop at the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from zlib import crc32

from storage.names import has_initials, initials, is_hangul, ngrams

LONGEST = 3
"""Characters of the longest run that is a term."""
# fold() leaves no character of Unicode's private use area in a name: they mark terms.
_SOURCES, _MARKS = 0xE000, 6000
_START = "\uf8fe"
_MOST_TERMS = 8
"""Terms that narrow a search down enough: what they find is compared in full anyway."""
_SHORT = 8
"""Characters up to which each place of an error has an expression of its own."""


def document(source: str, folded: str) -> str:
    """Return the terms of a name, separated by spaces."""
    return " ".join(document_terms(source, folded))


def document_terms(source: str, folded: str) -> list[str]:
    """Return the terms of a name."""
    mark = _mark(source)
    terms: set[str] = set()
    for text in {folded, initials(folded)}:
        for size in range(1, LONGEST + 1):
            terms.update(mark + gram for gram in ngrams(text, size))
            terms.add(mark + _START + text[:size])
    return sorted(terms)


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
    for pieces in _pieces(folded, gap):
        grams = [gram for piece in pieces if _telling(piece) for gram in _cover(piece)]
        if grams:
            branches.append([mark + gram for gram in grams])
    return branches


def _pieces(folded: str, gap: int) -> Iterator[tuple[str, ...]]:
    if len(folded) <= _SHORT:
        for place in range(len(folded) - gap + 1):
            yield folded[:place], folded[place + gap :]
        return
    # Of three blocks, one error leaves two whole, and two errors leave one.
    third = len(folded) // 3
    blocks = folded[:third], folded[third : 2 * third], folded[2 * third :]
    yield from combinations(blocks, 3 - gap)


def _telling(piece: str) -> bool:
    return len(piece) > 1 or (piece != "" and is_hangul(piece))


def _cover(text: str) -> list[str]:
    """Return runs that together cover *text*, the first at its start."""
    starts = [*range(0, len(text) - LONGEST, LONGEST), max(0, len(text) - LONGEST)]
    return [text[start : start + LONGEST] for start in starts[:_MOST_TERMS]]


def _searched(folded: str) -> str:
    return initials(folded) if has_initials(folded) else folded


def _mark(source: str) -> str:
    # Two sources may share a mark: a row's own source is compared as well.
    return chr(_SOURCES + crc32(source.encode()) % _MARKS)


def _all(terms: list[str]) -> str:
    return " AND ".join(f'"{term}"' for term in dict.fromkeys(terms))
