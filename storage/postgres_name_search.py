"""The statement that finds names in PostgreSQL, written so that statistics choose no plan.

How common a part is decides which way is short: where it is common, the first of all names in
their order hold enough of it; where it is rare, the index of terms names the few. The planner
guesses that wrong by a factor of a hundred for parts of several terms, and plans for longer than
the search takes. So both ways are in one statement, each behind a fence (``OFFSET 0``). The walk
comes first and is bounded; what it answers in full is not looked for again. Each value is a
subquery: no plan is better with it than without, so that the server makes one and keeps it.

Terms are stored as ``hashtext`` numbers them: PostgreSQL's own hash of texts, on which its hash
indexes stand, so that it stays what it is. Two terms may share a number: names are compared too.
"""

from __future__ import annotations

from collections.abc import Iterable

from storage.name_matches import CANDIDATES, LEADING_CANDIDATES
from storage.name_terms import (
    beginning_terms,
    containing_terms,
    leading_terms,
    resembling_terms,
)
from storage.names import has_initials, is_initial

WALKED = (2000, 500, 100)
"""Names, from the shortest that can hold a part, that are looked through for one of one, of two and
of more characters: the longer it is, the rarer, unless it is in nearly every name."""
LENGTH_STEP = 1 << 40
"""Numbers of rows for each length of name: rows in order of number are the shortest first."""
LONGEST_WALKED = 200
"""Characters of the longest name in the index that is walked: it takes rows of 2,704 bytes."""
SEEN_OF_EACH = 300
"""Names with one way to mistype a part of which the shortest are compared with it."""
_INITIAL_SYLLABLES = 588
"""Syllables that begin with one consonant: they stand together in Unicode."""

RESEMBLES = 2
"""The rank of names that do not hold the text, and of which one may be meant."""

_HASHED = "ARRAY(SELECT hashtext(term) FROM unnest({}) AS term)"
# The rank says how a row was found: 0 begins with the part, 1 holds it, 2 may be meant by it.
_SUGGEST = """
WITH walked AS MATERIALIZED (
    SELECT number, folded {like} {start} AS begins FROM (
        SELECT number, folded FROM items
        WHERE source = {source} AND number >= {first} AND number < {longest}
        ORDER BY number LIMIT {walked}
    ) AS shortest WHERE folded {like} {part}
),
beginning AS MATERIALIZED ({beginning}),
lacking AS MATERIALIZED (SELECT {limit} - count(*) AS names FROM beginning),
holding AS MATERIALIZED (
    SELECT number FROM walked
    WHERE NOT begins AND (SELECT names FROM lacking) > 0
        AND (SELECT count(*) FROM walked WHERE NOT begins) >= (SELECT names FROM lacking)
    UNION ALL (
        SELECT number FROM (
            SELECT number, source, folded FROM items WHERE grams @> {part_terms} OFFSET 0
        ) AS indexed
        WHERE (SELECT names FROM lacking) > 0
            AND (SELECT count(*) FROM walked WHERE NOT begins) < (SELECT names FROM lacking)
            AND source = {source} AND folded {like} {part} AND NOT folded {like} {start}
        ORDER BY number LIMIT {limit}
    )
),
resembling AS MATERIALIZED (
    SELECT DISTINCT number FROM (
        SELECT {branch_terms} AS grams FROM unnest({branches}) AS branch OFFSET 0
    ) AS ways CROSS JOIN LATERAL (
        SELECT number, source FROM items WHERE items.grams @> ways.grams LIMIT {seen}
    ) AS alike
    WHERE (SELECT names FROM lacking) > 0
        AND (SELECT count(*) FROM holding) < (SELECT names FROM lacking) AND source = {source}
    ORDER BY number LIMIT {candidates}
)
SELECT rank, id, name, folded FROM (
    (SELECT 0 AS rank, number FROM beginning ORDER BY number LIMIT {limit})
    UNION ALL (SELECT 1, number FROM holding ORDER BY number LIMIT {limit})
    UNION ALL SELECT 2, number FROM resembling
) AS found JOIN items USING (number) ORDER BY rank, number
"""
_BEGINNING = """
    SELECT number FROM walked
    WHERE begins AND (SELECT count(*) FROM walked WHERE begins) >= {limit}
    UNION ALL (
        SELECT number FROM (
            SELECT number, source, folded FROM items WHERE grams @> {start_terms} OFFSET 0
        ) AS indexed
        WHERE (SELECT count(*) FROM walked WHERE begins) < {limit}
            AND source = {source} AND folded {like} {start}
        ORDER BY number LIMIT {limit}
    )
"""
# What one character begins, or two, has an index in the order of names.
_BEGINNING_SHORT = """
    SELECT number FROM items
    WHERE source = {source} AND left(folded, SIZE) = left({start}, SIZE)
    ORDER BY number LIMIT {limit}
"""
_ALIKE = f"""
SELECT id, name, folded FROM (
    SELECT DISTINCT number FROM (
        SELECT {_HASHED.format("string_to_array(branch, ' ')")} AS grams
        FROM unnest(?::text[]) AS branch OFFSET 0
    ) AS ways CROSS JOIN LATERAL (
        SELECT number, source FROM items WHERE items.grams @> ways.grams LIMIT {SEEN_OF_EACH}
    ) AS alike WHERE source = ? ORDER BY number LIMIT ?
) AS found JOIN items USING (number) ORDER BY number
"""  # noqa: S608 - ours
_LEADING = f"""
SELECT id, name, folded FROM (
    SELECT number, source, id, name, folded FROM items
    WHERE grams && {_HASHED.format("?::text[]")} OFFSET 0
) AS indexed WHERE source = ? ORDER BY number LIMIT ?
"""  # noqa: S608 - ours
_TYPES = {
    "source": "text",
    "first": "bigint",
    "walked": "bigint",
    "start": "text",
    "part": "text",
    "limit": "bigint",
    "start_terms": "text[]",
    "part_terms": "text[]",
    "branches": "text[]",
}


class _Statement:
    """A statement whose values have names, of which it takes those that stand in it."""

    def __init__(self, like: str, beginning: str) -> None:
        template = _SUGGEST.replace("{beginning}", beginning)
        self._names = [name for name in _TYPES if f"{{{name}}}" in template]
        places = {
            name: f"(SELECT ${place}::{_TYPES[name]})" for place, name in enumerate(self._names, 1)
        }
        for name in places.keys() & {"start_terms", "part_terms"}:
            places[name] = _HASHED.format(places[name])
        self.text = template.format(
            **places,
            like=like,
            longest=LONGEST_WALKED * LENGTH_STEP,
            branch_terms=_HASHED.format("string_to_array(branch, ' ')"),
            seen=SEEN_OF_EACH,
            candidates=CANDIDATES,
        )

    def of(self, values: dict[str, object]) -> list[object]:
        """Return what it takes of *values*, in its order."""
        return [values[name] for name in self._names]


# "~~" is LIKE: a third faster than an expression, which only a lone consonant needs. Nothing of a
# folded text has a meaning in either.
_SHORT = [_Statement("~~", _BEGINNING_SHORT.replace("SIZE", str(size))) for size in (1, 2)]
_MORE = _Statement("~~", _BEGINNING)
_INITIALS = _Statement("~", _BEGINNING)


def suggesting(source: str, folded: str, limit: int) -> tuple[str, list[object]]:
    """Return the statement, and its values, for names that a folded text may mean.

    Its rows are a rank, an id, a name and the name folded. At most *limit* have the rank 0 (they
    begin with the text), as many 1 (they hold it). Only where both are too few are there some of
    rank 2, of which one may be meant if a character of the text is wrong.
    """
    start, part = f"{folded}%", f"%{folded}%"
    statement = _SHORT[len(folded) - 1] if len(folded) <= len(_SHORT) else _MORE
    if has_initials(folded):
        part = "".join(map(expression, folded))
        statement, start = _INITIALS, f"^{part}"
    return statement.text, statement.of(
        {
            "source": source,
            "first": len(folded) * LENGTH_STEP,
            "walked": WALKED[min(len(folded), len(WALKED)) - 1],
            "start": start,
            "part": part,
            "limit": limit,
            "start_terms": beginning_terms(source, folded),
            "part_terms": containing_terms(source, folded),
            "branches": branches(source, folded, 1),
        }
    )


def alike(source: str, folded: str, gaps: Iterable[int], limit: int) -> tuple[str, list[object]]:
    """Return the same for names that hold the text but for so many characters, the shortest first.

    A row is an id, a name and the name folded.
    """
    ways = [way for gap in gaps for way in branches(source, folded, gap)]
    return _ALIKE, [ways, source, limit]


def leading(source: str, folded: str) -> tuple[str, list[object]]:
    """Return the same for names of whose beginnings the text may hold one."""
    return _LEADING, [leading_terms(source, folded), source, LEADING_CANDIDATES]


def branches(source: str, folded: str, gap: int) -> list[str]:
    """Return the terms of each way to mistype *gap* characters of a text, joined by blanks."""
    return list(dict.fromkeys(map(" ".join, resembling_terms(source, folded, gap))))


def expression(character: str) -> str:
    """Return the expression of one folded character: a lone consonant stands for its syllables."""
    if not is_initial(character):
        return character
    first = 0xAC00 + (ord(character) - 0x1100) * _INITIAL_SYLLABLES
    return f"[{character}{chr(first)}-{chr(first + _INITIAL_SYLLABLES - 1)}]"
