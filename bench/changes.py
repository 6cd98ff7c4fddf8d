"""The contrast set's changes: one fact of a summary turned into another, and paraphrases."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Change = Callable[[str, random.Random], str | None]
"""Returns the text with one fact changed; None where it has none of the kind."""

NAMES = {
    "ko": (
        *("이부프로펜", "아세트아미노펜", "세티리진", "로라타딘", "오메프라졸"),
        *("암로디핀", "타이레놀정", "게보린정", "심바스타틴", "판콜에이"),
    ),
    "en": (
        *("Ibuprofen", "Naproxen", "Loratadine", "Omeprazole", "Amlodipine", "Lipitor"),
        *("Metformin", "Cetirizine", "Warfarin"),
    ),
}
UNITS = {
    "mg": "g",
    "g": "mg",
    "mL": "mg",
    "ml": "mg",
    "정": "캡슐",
    "캡슐": "정",
    "포": "정",
    "tablets": "capsules",
    "tablet": "mL",
    "capsule": "tablet",
    "hours": "days",
    "hour": "day",
    "days": "weeks",
    "시간": "일",
    "drops": "tablets",
    "minutes": "hours",
    "years": "months",
    "일": "주",
    "회": "정",
}
POPULATIONS = {
    "성인": "소아",
    "소아": "성인",
    "어린이": "성인",
    "임부": "고령자",
    "고령자": "임부",
    "adults": "children",
    "Adults": "Children",
    "children": "adults",
    "Children": "Adults",
    "pregnant": "elderly",
    "수유부": "고령자",
}
NEGATIONS = (
    (r"하지 마십시오", "하십시오"),
    (r"하지 않습니다", "합니다"),
    (r"사용합니다", "사용하지 않습니다"),
    (r"복용합니다", "복용하지 않습니다"),
    (r"상의하십시오", "상의하지 마십시오"),
    (r"\b[Dd]o not (\w+)", r"\1"),
    (r"\bshould not be\b", "should be"),
    (r"\bnot recommended\b", "recommended"),
    (r"\bis indicated\b", "is not indicated"),
    (r"\bmay (\w+)", r"may not \1"),
    (r"\b(were|was|are) (\w+ed)\b", r"\1 not \2"),
    (r"\binclude\b", "do not include"),
    (r"\b(ask|consult) a\b", r"do not \1 a"),
)
PARAPHRASES = (
    (r"하지 마십시오", "하지 마세요"),
    (r"하십시오", "하세요"),
    (r"합니다", "해요"),
    (r"(\d)\s*mg\b", r"\1 밀리그램"),
    (r"1일 (\d)", r"하루 \1"),
    (r"1회 (\d)", r"한 번에 \1"),
    (r"[~∼～](\d)", r"∼\1"),
    (r"이 약은 ", "이 의약품은 "),
)
ENGLISH_PARAPHRASES = (
    (r"(\d)\s*mg\b", r"\1 milligrams"),
    (r"\b[Dd]o not\b", "Don't"),
    (r"(\d) to (\d)", r"\1-\2"),
    (r"\b3 times\b", "three times"),
    (r"\bphysician\b", "doctor"),
    (r"\bhours\b", "hrs"),
    (r"\b2 tablets", "two tablets"),
)


def swapped_number(text: str, chance: random.Random) -> str | None:
    found = list(re.finditer(r"(?<![\w.,/])\d+(?:\.\d+)?(?![\d.,/]|\s*/)", text))
    if not found:
        return None
    match = chance.choice(found)
    value = float(match.group())
    new = chance.choice([value * 10, value * 2, value + 1, value + 3, value * 5])
    return f"{text[: match.start()]}{new:g}{text[match.end() :]}"


def swapped_dose(text: str, chance: random.Random) -> str | None:
    found = list(
        re.finditer(
            r"(?<![\w.,/])(\d+(?:\.\d+)?)(?=\s*(?:mg|g|mL|ml|정|캡슐|포|tablets?|drops?)(?![a-z]))",
            text,
        )
    )
    if not found:
        return None
    match = chance.choice(found)
    new = chance.choice([2.0, 3.0, 5.0, 10.0, 0.1]) * float(match.group())
    return f"{text[: match.start()]}{new:g}{text[match.end() :]}"


OFTEN = {
    **dict.fromkeys(("once", "four times"), "twice"),
    **dict.fromkeys(("twice", "two times"), "three times"),
    "three times": "once",
}
"""Other times a day, as words."""
_OFTEN = re.compile(
    r"(?<=1일 )\d(?=회)|(?<=[~-])\d(?=회)|\d(?= times)"
    # Of a range the end alone: every 6 hours is within every 4 to 6 hours.
    r"|(?<=every )\d+(?! ?-| to)|(?<=every \d-)\d+|(?<=every \d to )\d+"
    rf"|\b(?:{'|'.join(OFTEN)})(?= (?:a|per|each) day\b|[ -]daily\b)"
)


def swapped_frequency(text: str, chance: random.Random) -> str | None:
    found = list(_OFTEN.finditer(text))
    if not found:
        return None
    match = chance.choice(found)
    said = match.group()
    new = OFTEN[said] if said in OFTEN else int(said) + chance.choice([1, 2, 3, 4])
    return f"{text[: match.start()]}{new}{text[match.end() :]}"


def swapped_word(table: dict[str, str], before: str, after: str) -> Change:
    shape = re.compile(rf"{before}({'|'.join(sorted(table, key=len, reverse=True))}){after}")

    def change(text: str, chance: random.Random) -> str | None:
        found = list(shape.finditer(text))
        if not found:
            return None
        match = chance.choice(found)
        return f"{text[: match.start(1)]}{table[match[1]]}{text[match.end(1) :]}"

    return change


def turned_negation(text: str, chance: random.Random) -> str | None:
    found = [(m, new) for old, new in NEGATIONS for m in re.finditer(old, text)]
    if not found:
        return None
    match, new = chance.choice(found)
    return f"{text[: match.start()]}{match.expand(new)}{text[match.end() :]}"


def swapped_name(text: str, chance: random.Random) -> str | None:
    language = "ko" if re.search("[가-힣]", text) else "en"
    new = chance.choice(
        [name for name in NAMES[language] if name.casefold() not in text.casefold()]
    )
    name, colon, rest = text.partition(": ")
    if language == "ko":
        return (
            re.sub(r"이 약(?=[은을에이])", new, rest, count=1)
            if "이 약" in rest
            else f"{new}{colon}{rest}"
        )
    first = name.split()[0] if name else ""
    swapped = re.sub(rf"\b{re.escape(first)}\b", new, rest, flags=re.IGNORECASE) if first else rest
    return swapped if swapped != rest else f"{new} is a medicine. {rest}"


CONVERTED = {"mg": (0.001, "g"), "g": (1000, "mg"), "mL": (0.001, "L"), "mcg": (0.001, "mg")}
_AMOUNT = re.compile(
    r"(?<![\w.,/~∼～-])(?<![~∼～-] )(?<!to )(?<!or )(\d+(?:\.\d+)?)\s*(mg|g|mL|mcg)(?![\w/])"
)


def converted(text: str, *, wrongly: bool = False) -> str | None:
    """Say every amount in another unit: the same one, or ten times as much."""

    def change(match: re.Match[str]) -> str:
        factor, unit = CONVERTED[match[2]]
        value = float(match[1]) * factor * (10 if wrongly else 1)
        return f"{float(f'{value:.6g}'):.10f}".rstrip("0").rstrip(".") + f" {unit}"

    changed = _AMOUNT.sub(change, text)
    return None if changed == text else changed


def wrongly_converted(text: str, chance: random.Random) -> str | None:
    del chance
    return converted(text, wrongly=True)


CHANGES: dict[str, Change] = {
    "number": swapped_number,
    "dose": swapped_dose,
    "unit": swapped_word(UNITS, r"\d\s?", r"(?![a-zA-Z가-힣]{1,3}\b|월|간)"),
    "frequency": swapped_frequency,
    "drug name": swapped_name,
    "negation": turned_negation,
    "conversion": wrongly_converted,
    "population": swapped_word(POPULATIONS, r"(?<![가-힣a-zA-Z])", r"(?![a-zA-Z])"),
}


def paraphrased(text: str, language: str) -> str:
    for old, new in PARAPHRASES if language == "ko" else ENGLISH_PARAPHRASES:
        text = re.sub(old, new, text)
    return text
