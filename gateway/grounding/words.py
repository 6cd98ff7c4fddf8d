"""Words that carry meaning: stems that align sentences, negated words, typed terms."""

from __future__ import annotations

import re


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_TOKEN = re.compile(r"[a-z]{3,}|[가-힣]{2,}")
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
_ENGLISH_NEGATION = re.compile(
    r"(?:\b(?:not|never|no|without|avoid|stop|cannot|discontinue|neither)\b|n['’]t\b)"
    r"(?: (?:be|been|being|have|to|a|an|any|the|more|recommended|for))* ([a-z]{3,})"
)
_SUFFIX = re.compile(r"(?:ing|ed|es|s|e)$")

_TERMS = {
    "population": {
        "adult": "성인|어른|\\badults?\\b",
        "child": "소아|어린이|\\bchild(?:ren)?\\b|\\bpediatric",
        "infant": "영아|유아|신생아|\\binfants?\\b|\\bnewborns?\\b",
        "elderly": "고령|노인|\\belderly\\b|\\bgeriatric",
        "pregnant": "임부|임신|임산부|\\bpregnan",
        "nursing": "수유|\\bbreast-?\\s?feed|\\bnursing\\b|\\blactat",
    },
    "meal": {
        "before": "식전|식사 전|공복|\\bbefore (?:meals?|eating|food)|\\bempty stomach",
        "after": "식후|식사 후|\\bafter (?:meals?|eating|food)",
        "between": "식간|\\bbetween meals",
    },
    "order": {"before": "\\bbefore\\b|전에", "after": "\\bafter\\b|후에"},
    "change": {
        "up": "증가|상승|\\bincreas|\\brais|높[아은이]",
        "down": "감소|저하|\\bdecreas|\\breduc|\\blower|낮[아은추]",
    },
    "severity": {"mild": "경증|가벼운|\\bmild", "severe": "중증|심한|\\bsevere"},
    "time of day": {
        "morning": "아침|\\bmorning",
        "night": "취침|저녁|\\bbedtime|\\bevening|\\bnight",
    },
    "route": {
        "inside": "경구|\\borally\\b|\\bby mouth",
        "outside": "외용|\\bexternal use|\\btopical",
    },
}
_KINDS = [(kind, value) for kind, values in _TERMS.items() for value in values]
_TYPED = re.compile(
    "|".join(f"({pattern})" for values in _TERMS.values() for pattern in values.values())
)


def stem(word: str) -> str:
    """Return the part of a folded *word* that its forms share."""
    if word[0] >= "가":
        return word[:2]
    return (_SUFFIX.sub("", word) or word)[:6]


def stems(text: str) -> set[str]:
    """Return the stems of the words of folded *text* that carry meaning."""
    return {stem(word) for word in _TOKEN.findall(text) if word not in _STOP}


def negated(text: str) -> set[str]:
    """Return the stems that folded *text* negates."""
    found = {stem(next(filter(None, match.groups()))) for match in _KOREAN_NEGATION.finditer(text)}
    return found | {stem(match[1]) for match in _ENGLISH_NEGATION.finditer(text)}


def typed(text: str) -> set[tuple[str, str]]:
    """Return the terms of folded *text* that exclude others of their kind."""
    return {
        _KINDS[match.lastindex - 1]
        for match in _TYPED.finditer(text)
        if match.lastindex is not None
    }
