"""Units as they are spelled, Korean and English, and the one name that each has here."""

from __future__ import annotations

from collections.abc import Iterator

SPELLINGS: dict[str, str] = {
    "mg": "mg 밀리그램 밀리그람 milligram milligrams",
    "g": "g 그램 그람 gram grams gm",
    "ug": "ug μg mcg 마이크로그램 마이크로그람 microgram micrograms",
    "ng": "ng 나노그램",
    "kg": "kg 킬로그램 킬로그람 kilogram kilograms",
    "lb": "lb lbs pound pounds 파운드",
    "oz": "oz ounce ounces 온스",
    "ml": "ml cc 밀리리터 밀리리타 milliliter milliliters millilitre millilitres",
    "l": "l 리터 liter liters litre litres",
    "dl": "dl 데시리터",
    "mm": "mm 밀리미터",
    "cm": "cm 센티미터",
    "iu": "iu 아이유 국제단위",
    "unit": "unit units 단위",
    "meq": "meq",
    "mmol": "mmol",
    "tablet": "정 알 tablet tablets tab tabs caplet caplets pill pills",
    "capsule": "캡슐 capsule capsules cap caps 캅셀",
    "packet": "포 봉 packet packets sachet sachets 봉지",
    "bottle": "병 bottle bottles 바이알 vial vials",
    "drop": "방울 drop drops 적",
    "puff": "puff puffs spray sprays",
    "patch": "매 장 patch patches",
    "spoon": "스푼 숟가락 teaspoon teaspoons teaspoonful teaspoonfuls tsp",
    "tablespoon": "tablespoon tablespoons tablespoonful tbsp",
    "pellet": "pellet pellets",
    "dose": "dose doses",
    "time": "회 번 차례 time times",
    "second": "초 second seconds sec secs",
    "minute": "분 minute minutes min mins",
    "hour": "시간 hour hours hr hrs",
    "day": "일 일간 day days",
    "week": "주 주간 주일 week weeks wk",
    "month": "개월 달 month months",
    "calendar month": "월",
    "trimester": "분기 trimester",
    "year": "년 년간 year years yr yrs",
    "age": "세 살 years-old years-of-age",
    "%": "% 퍼센트 프로 percent",
    "c": "°c ℃ 도 °",
    "f": "°f ℉",
    "fold": "배 fold-times -fold",
    "person": "명 patients people persons",
    "item": "개 가지 건",
    "drink": "잔 drinks drink",
}

SCALES: dict[str, tuple[float, str]] = {
    "g": (1000.0, "mg"),
    "kg": (1_000_000.0, "mg"),
    "ug": (0.001, "mg"),
    "ng": (0.000_001, "mg"),
    "l": (1000.0, "ml"),
    "dl": (100.0, "ml"),
    "cm": (10.0, "mm"),
    "second": (1 / 60, "minute"),
    "hour": (60.0, "minute"),
    "week": (7.0, "day"),
}
"""Units that are so many of another one: a faithful conversion is no other quantity."""

CANONICAL = {spelling: unit for unit, group in SPELLINGS.items() for spelling in group.split()}

_LATIN = sorted((s for s in CANONICAL if s[0].isascii() or s[0] in "μ°℃℉"), key=len, reverse=True)
_HANGUL = sorted((s for s in CANONICAL if "가" <= s[0] <= "힣"), key=len, reverse=True)

_NOT_BEFORE = {
    "정": "도|신|상|해|기|제",
    "일": "반|부|정",
    "회": "복",
    "주": "사|의",
    "분": "할|량|획",
    "도": "록",
    "매": "일|우",
    "장": "애|기|염|용",
    "적": "당|절",
    "명": "확",
    "병": "용|원",
    "배": "변|양",
    "알": "레",
    "세": "트|균",
    "포": "함",
    "월": "경",
    "개": "월|인|선",
}
"""Syllables that make a longer word of what looks like a unit: ``2주 정도`` is no tablet."""


def _guarded(spelling: str) -> str:
    rest = _NOT_BEFORE.get(spelling)
    return f"{spelling[1:]}(?!{rest})" if rest else spelling[1:]


_OFTEN = frozenset("정일회세시캡포개mg")
"""Begin the units that are tried first: most are one of them."""


def _branches(spellings: list[str]) -> Iterator[str]:
    """Yield what matches *spellings*, by the character that they begin with."""
    by_first: dict[str, list[str]] = {}
    for spelling in spellings:
        by_first.setdefault(spelling[0], []).append(_guarded(spelling))
    for first in sorted(by_first, key=lambda first: (first not in _OFTEN, first)):
        rests = by_first[first]
        end = "" if "가" <= first <= "힣" else "(?![a-z])"
        yield f"{first}(?:{'|'.join(rests)}){end}"


_FIRST = "".join(sorted({spelling[0] for spelling in CANONICAL} - {"-"}))
PATTERN = rf"(?:(?=[{_FIRST}-])(?:{'|'.join(_branches(_LATIN + _HANGUL))}))"
"""Matches one spelling in case-folded text."""

_ENGLISH = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)
WORDS = {
    **dict(zip(_ENGLISH, map(float, range(13)), strict=True)),
    "half": 0.5,
    "fifteen": 15.0,
    "twenty": 20.0,
    "thirty": 30.0,
    "한": 1.0,
    "두": 2.0,
    "세": 3.0,
    "네": 4.0,
    "다섯": 5.0,
    "여섯": 6.0,
    "일곱": 7.0,
    "여덟": 8.0,
    "아홉": 9.0,
    "열": 10.0,
    "반": 0.5,
}
"""Numbers as words; they count as numbers only before a unit."""

WORD_FIRSTS = "".join(sorted({word[0] for word in WORDS}))
WORD_RESTS = "|".join(f"(?<={word[0]}){word[1:]}" for word in WORDS)
"""Matches the rest of a number word of which the first character was read."""
