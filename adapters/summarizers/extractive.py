"""The summary that needs no model: the records' own sentences, chosen and put in order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from adapters.source import Record
from adapters.summarizers.base import Brief, Draft, Roles, Summarizer
from adapters.summarizers.sentences import sentences

_TARGET = 600
"""Characters that a whole summary should not pass."""
_SHARE = {"purpose": 170, "usage": 180, "caution": 200}
"""Characters that the sentences of one role may take."""
_LONGEST = 300
"""Characters of a sentence that stands although it does not fit."""
_OTHERS = {"ko": "그 밖에 찾은 것", "en": "Also found"}
_OTHER_NAMES = 3
_RELATED = (
    ("임신", "임부", "수유", "pregnan", "breast-feed", "breastfe", "nursing", "lactation"),
    ("어린이", "소아", "영아", "유아", "child", "infant", "pediatric"),
    ("고령", "노인", "elderly", "geriatric", "senior"),
    ("알레르기", "과민", "allerg", "hypersensitiv"),
    ("음주", "술", "alcohol"),
    ("간장", "간질환", "간장애", "liver", "hepatic"),
    ("신장", "콩팥", "kidney", "renal"),
    ("부작용", "이상반응", "side effect", "adverse"),
    ("보관", "저장", "storage", "store"),
    ("운전", "졸음", "driving", "drowsi"),
    ("과량", "overdos"),
)
"""Words for the same angle, so that a keyword in one language finds a record in another."""
_SO, _NOT = frozenset({"yes", "true"}), frozenset({"no", "none", "false"})
"""Values of a context class that say that its name holds, or does not."""


class Extractive(Summarizer):
    """Takes what it says from the records, word for word; it cannot invent."""

    name = "extractive"
    version = "1"

    async def summarize(self, brief: Brief) -> Draft:
        """Return the sentences that say what the thing is for, how to use it, what to beware of.

        A keyword chooses the sentences that speak of it; where none does, the general
        ones stand. No records give an empty text.
        """
        if not brief.records:
            return Draft(text="", by=self.name)
        best = _best(brief)
        chosen = _about(brief.keyword, best) if brief.keyword else []
        if not chosen:
            chosen = list(_by_role(best, _roles(brief), _concerns(brief.context)))
        name = str(best.get("name", ""))
        lead = f"{name}: " if name and chosen else name
        text = f"{lead}{' '.join(_ended(sentence) for sentence in chosen)}"
        return Draft(
            text=" ".join(filter(None, (_ended(text), _others(brief, best)))), by=self.name
        )


def _best(brief: Brief) -> Record:
    """Return the record whose name is nearest to the query; upstream order decides ties."""
    query = brief.query.casefold()

    def rank(record: Record) -> int:
        name = str(record.get("name", "")).casefold()
        return 0 if name == query else 1 if name.startswith(query) else 2 if query in name else 3

    return min(brief.records, key=rank)


def _roles(brief: Brief) -> Roles:
    """Return the declared roles, or every field in order where none is declared."""
    if brief.roles != Roles():
        return brief.roles
    first = brief.records[0]
    return Roles(purpose=tuple(name for name in first if name not in {"id", "name"}))


def _concerns(context: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the words of what the reader is; who is *not* pregnant is not concerned by it."""
    return tuple(
        word
        for name, value in context
        if value not in _NOT
        for word in _spoken(name if value in _SO else value.replace("_", " "))
    )


def _by_role(record: Record, roles: Roles, concerns: Sequence[str]) -> Iterator[str]:
    said: set[str] = set()
    for role, share in _SHARE.items():
        fields: tuple[str, ...] = getattr(roles, role)
        every = dict.fromkeys(s for field in fields for s in _sentences(record.get(field)))
        room = share if roles.usage or roles.caution else _TARGET
        # What a thing is for stands first in a record; of its cautions, any will do, and
        # those that concern the reader before others.
        first = role != "caution"
        unsaid = [s for s in every if s not in said]
        if not first:
            unsaid.sort(key=lambda s: not any(word in s.casefold() for word in concerns))
        for sentence in _fitting(unsaid, room, first=first):
            said.add(sentence)
            yield sentence


def _about(keyword: str, record: Record) -> list[str]:
    """Return the sentences of *record* that speak of *keyword*."""
    words = _spoken(keyword)
    every = [
        s for field in record if field not in {"id", "name"} for s in _sentences(record[field])
    ]
    unique = list(dict.fromkeys(every))
    return _fitting([s for s in unique if any(w in s.casefold() for w in words)], _TARGET * 3 // 4)


def _spoken(keyword: str) -> tuple[str, ...]:
    folded = keyword.casefold()
    related = (word for group in _RELATED if any(w in folded for w in group) for word in group)
    # "interactions" is to find "interact": an English stem is most of the word.
    stem = folded[: max(5, len(folded) - 3)] if folded.isascii() else folded
    return (stem, *related)


def _sentences(value: object) -> list[str]:
    if isinstance(value, str):
        return sentences(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [s for part in value for s in _sentences(part)]
    return []


def _fitting(candidates: Sequence[str], room: int, *, first: bool = False) -> list[str]:
    """Return those of *candidates* that fit whole into *room* characters, in order.

    With *first* the first one stands whatever its length. Where none fits, the shortest
    stands alone, shortened between its clauses if it must be: a sentence about safety is
    better long than missing.
    """
    if first and candidates and len(candidates[0]) > room:
        return [_shortened(candidates[0], _LONGEST)]
    taken: list[str] = []
    for sentence in candidates:
        if len(sentence) <= room:
            taken.append(sentence)
            room -= len(sentence) + 1
    if taken or not candidates:
        return taken
    return [_shortened(min(candidates, key=len), _LONGEST)]


def _shortened(sentence: str, room: int) -> str:
    """Return *sentence* with its middle left out at commas: a Korean verb stands at the end."""
    if len(sentence) <= room:
        return sentence
    clauses = re.split(r"(?<=[,;])\s*", sentence)
    tail = clauses[-1] if len(clauses[-1]) <= room // 2 else ""
    head = ""
    for clause in clauses[:-1]:
        if len(head) + len(clause) + len(tail) + 4 > room:
            break
        head = f"{head} {clause}".strip()
    if not head:
        head = sentence[:room].rsplit(" ", 1)[0]
    return f"{head.rstrip(',; ')} … {tail}".strip()


def _others(brief: Brief, best: Record) -> str:
    seen = dict.fromkeys(str(r["name"]) for r in brief.records if r is not best and r.get("name"))
    names = [name for name in seen if name != best.get("name")][:_OTHER_NAMES]
    if not names:
        return ""
    label = _OTHERS.get(brief.language, _OTHERS["en"])
    return _ended(f"{label}: {', '.join(names)}")


def _ended(text: str) -> str:
    text = text.rstrip(" ,;:")
    return text if not text or text[-1] in ".!?…。" else f"{text}."
