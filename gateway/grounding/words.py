"""Words that carry meaning: stems that align sentences, negated words, typed terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Here and below a set of characters is in front: the engine skips quickly to those.
_TOKEN = re.compile(r"[a-z가-힣](?:(?<=[가-힣])[가-힣]+|(?<=[a-z])[a-z]{2,})")
_STOP = frozenset(
    _words(
        "the and for with this that are was were has have had may can will "
        "you your from any all not should must been being per than then "
        "when which who its their them they but into also does did each "
        "other such more most less one two "
        "있는 있습니다 또는 경우 이나 등의 등이 그리고 하는 "
        "합니다 됩니다 하십시오 마십시오 하세요 마세요 않습니다 대한 "
        "의한 위해 있을 것이 않는 이런 이후 "
    )
)
_KOREAN_NEGATION = re.compile(
    r"([가-힣]{2,})지(?:는|도|를)? ?(?:마[시세십]|말[고아것]|않|못|아니)"
    r"|([가-힣]{2,}?)[할될] ?수 ?없"
    r"|([가-힣]{2,}?)(?:[을를은는]|하[면는]|해서는|하면)? ?"
    r"(?:안 ?[되됩돼]|금[지하기]|피하|삼가|중[지단]|멈추|즉각 중)"
    r"|([가-힣]{2,}?)[이가은는]? ?없"
)
_KOREAN_DENIAL = re.compile(
    r"[지할될안금피삼중멈즉없](?:(?<=지)(?:는|도|를)? ?(?:마[시세십]|말[고아것]|않|못|아니)"
    r"|(?<=[할될]) ?수 ?없|(?<=안) ?[되됩돼]|(?<=금)[지하기]|(?<=피)하|(?<=삼)가|(?<=중)[지단]"
    r"|(?<=멈)추|(?<=즉)각 중|(?<=없))"
)
"""What every match of `_KOREAN_NEGATION` ends in."""
_ENGLISH_NEGATION = re.compile(
    r"(?:n(?:(?<!\w.)(?:ot|ever|o|either)|['’]t)|w(?<!\w.)ithout|a(?<!\w.)void|s(?<!\w.)top"
    r"|c(?<!\w.)annot|d(?<!\w.)iscontinue)\b"
    r"(?: (?:be|been|being|have|to|a|an|any|the|more|recommended|for|also|ever))* ([a-z]{3,})"
)
_LIMIT = re.compile(
    r"(?: [a-z]+){0,3} (?:(?:more|longer|greater|older|less|fewer) than|over|above|exceed(?:ing)?) "
    r"(?:\d|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
)
"""``not take`` with this behind it forbids no taking: it bounds a number, which is compared."""
_SUFFIX = re.compile(r"(?:ing|ed|es|s|e)$")

_MEANINGS_KEPT = 16384

_TERMS: dict[str, dict[str, tuple[str, ...]]] = {
    "population": {
        "adult": ("성인", "어른", " adult"),
        "child": ("소아", "어린이", " child", " pediatric"),
        "infant": ("영아", "유아", "신생아", " infant", " newborn"),
        "elderly": ("고령", "노인", " elderly", " geriatric"),
        "pregnant": ("임부", "임신", "임산부", " pregnan"),
        "nursing": ("수유", " breast-feed", " breastfeed", " breast feed", " nursing", " lactat"),
    },
    "meal": {
        "before": (
            *("식전", "식사 전", "공복", " before meal", " before eating", " empty stomach"),
            *(" without food", " with or without food"),
        ),
        "after": ("식후", "식사 후", " after meal", " after eating"),
        "with": (
            " with food",
            " with meals",
            " with a meal",
            " with or without food",
            "식사와 함께",
        ),
        "between": ("식간", " between meals"),
    },
    "order": {"before": (" before ", "전에"), "after": (" after ", "후에")},
    "change": {
        "up": ("증가", "상승", " increas", " rais", "높아", "높은", "높이"),
        "down": ("감소", "저하", " decreas", " reduc", " lower", "낮아", "낮은", "낮추"),
    },
    "severity": {"mild": ("경증", "가벼운", " mild"), "severe": ("중증", "심한", " severe")},
    "time of day": {
        "morning": ("아침", " morning"),
        "night": ("취침", "저녁", " bedtime", " evening", " night"),
    },
    "route": {
        "inside": ("경구", "내복", " orally", " by mouth", " oral use", " swallow"),
        "outside": ("외용", " external use", " topical"),
        "rectum": (" rectal", " rectum", "항문에", "직장에"),
        "vagina": (" vaginal use", " into the vagina", "질정", "질 내에"),
        "nose": (" into the nose", " each nostril", " nasal use", "비강에", "콧구멍"),
        "eye": (" in the eye", " into the eye", " affected eye", "점안"),
        "ear": (" in the ear", " into the ear", " affected ear", "점이"),
        "needle": (" inject", " intraven", " intramus", " subcutaneous", "주사"),
    },
    "needle": {
        "vein": (" intraven", "정맥주사", "정맥 주사", "정맥 내"),
        "muscle": (" intramus", "근육주사", "근육 주사", "근육 내"),
        "skin": (" subcutaneous", "피하주사", "피하 주사", "피하에"),
    },
}
"""Terms by kind and value: two values of one kind exclude each other. Plain substrings, with
a space before an English word."""
WAYS = frozenset({"route", "needle"})
"""Kinds of terms of which a text may state none but its records', where they state any."""
_SPELLED: dict[str, frozenset[tuple[str, str]]] = {
    spelling: frozenset(
        (kind, value)
        for kind, values in _TERMS.items()
        for value, group in values.items()
        for part in group
        if spelling.startswith(part)
    )
    for values in _TERMS.values()
    for spellings in values.values()
    for spelling in spellings
}
"""What each spelling says, and what those say that it begins with."""
_LATIN_SPELLINGS = sorted(filter(str.isascii, _SPELLED), key=len, reverse=True)
_KOREAN_SPELLINGS = sorted(set(_SPELLED).difference(_LATIN_SPELLINGS), key=len, reverse=True)


def _openings(spellings: list[str], place: int) -> str:
    return "".join(sorted({spelling[place] for spelling in spellings}))


# One character is consumed and the rest looked at, so that no hit hides another.
_KOREAN_TERM = re.compile(
    rf"[{_openings(_KOREAN_SPELLINGS, 0)}](?=[{_openings(_KOREAN_SPELLINGS, 1)}])"
    rf"(?<=(?=({'|'.join(_KOREAN_SPELLINGS)})).)"
)
_LATIN_TERM = re.compile(
    rf"[{_openings(_LATIN_SPELLINGS, 1)}](?<=(?=({'|'.join(_LATIN_SPELLINGS)}))..)"
)

POPULATIONS = {
    **dict.fromkeys(("성인", "어른", "adult"), "adult"),
    **dict.fromkeys(("소아", "어린", "child", "childr", "pediat", "paedia"), "child"),
    **dict.fromkeys(("영아", "유아", "신생", "infant", "newbor", "neonat"), "infant"),
    **dict.fromkeys(("고령", "노인", "elderl", "geriat"), "elderly"),
    **dict.fromkeys(("임부", "임신", "임산", "pregna"), "pregnant"),
    **dict.fromkeys(("수유", "breast", "nursin", "lactat"), "nursing"),
}
"""Stems that name whom a sentence is about."""


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """Return the part of a folded *word* that its forms share."""
    if word[0] >= "가":
        return word[:2]
    return (_SUFFIX.sub("", word) or word)[:6]


class _Meanings(dict[str, str]):
    """The stems of words, each found once: looking one up here takes half of what a cache does."""

    def __missing__(self, word: str) -> str:
        if len(self) >= _MEANINGS_KEPT:
            self.clear()
        found = self[word] = "" if word in _STOP else stem(word)
        return found


meaning: Callable[[str], str] = _Meanings().__getitem__
"""Return the stem of a folded word; nothing, when it carries no meaning."""


words_of: Callable[[str], list[str]] = _TOKEN.findall
"""Return the words of a folded text."""


def stems(text: str) -> set[str]:
    """Return the stems of the words of folded *text* that carry meaning."""
    return meant(map(meaning, _TOKEN.findall(text)))


def meant(meanings: Iterable[str]) -> set[str]:
    """Return those of the *meanings* of words that are any."""
    found = set(meanings)
    found.discard("")
    return found


def located(text: str, words: Iterable[str], meanings: Iterable[str], last: int) -> list[int]:
    """Return where those of the *words* of *text* begin that carry meaning.

    They are sought as far as the first one that begins at *last* or behind it.
    """
    starts: list[int] = []
    index, add, at = text.index, starts.append, 0
    for word, name in zip(words, meanings, strict=True):
        at = index(word, at)
        if name:
            add(at)
            if at >= last:
                break
        at += len(word)
    return starts


def negated(text: str) -> set[str]:
    """Return the stems that folded *text* negates."""
    found: set[str] = set()
    denial = None if text.isascii() else _KOREAN_DENIAL.search(text)
    if denial is not None:
        # What is denied stands in the word of the denial or in the one before it.
        before = text.rfind(" ", 0, max(0, text.rfind(" ", 0, denial.start())))
        for match in _KOREAN_NEGATION.finditer(text, max(0, before)):
            found.add(stem(next(filter(None, match.groups()))))
    if ("o" in text or "n" in text) and _denies_in_english(text):
        for match in _ENGLISH_NEGATION.finditer(text):
            if not _LIMIT.match(text, match.end()):
                found.add(stem(match[1]))
        if "contraindicat" in text:
            found.add(stem("indicated"))
    return found


def _denies_in_english(text: str) -> bool:
    """Return whether `_ENGLISH_NEGATION` may match: a plain look costs less than its search."""
    return (
        "no" in text
        or "n't" in text
        or "n’t" in text
        or "never" in text
        or "avoid" in text
        or "stop" in text
        or "without" in text
        or "discontinue" in text
        or "contraindicat" in text
    )


def typed(text: str) -> set[tuple[str, str]]:
    """Return the terms of folded *text* that exclude others of their kind."""
    hits = _LATIN_TERM.findall(f" {text}")
    if not text.isascii():
        hits += _KOREAN_TERM.findall(text)
    return set().union(*map(_SPELLED.__getitem__, hits)) if hits else set()
