"""Numbers with their units, as values that compare across spellings and languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from gateway.grounding.units import CANONICAL, PATTERN, SCALES, WORDS

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\s*/\s*\d+(?![\d/])|\d+(?:\.\d+)?"
_WORD = rf"(?<![a-z가-힣])(?:{'|'.join(WORDS)})"
_SEPARATOR = r"\s*(?:[~∼〜–—-]|to|or|내지|에서|부터)\s*"
_UNIT = rf"{PATTERN}(?:\s*(?:/|per\s)\s*{PATTERN})*"
_QUANTITY = re.compile(
    rf"(?=[\dzotfsenh한두세네다여일아열반])(?<![a-z\d])(?<!\d\.)(?<![a-z]-)(?:(?P<low>{_NUMBER})|(?P<word>{_WORD})(?=[\s~-]))"
    rf"(?:(?:[\s-]|\s?an?\s)?(?P<mid>{_UNIT}))?"
    rf"(?:{_SEPARATOR}(?:(?P<high>{_NUMBER})|(?P<highword>{_WORD})(?=\s))"
    rf"(?:[\s-]?(?P<unit>{_UNIT}))?)?"
    r"(?P<old>\s*(?:of age|old|-old))?"
)
_DATES = (
    re.compile(r"(?P<y>\d{4})\s*[-./]\s*(?P<m>\d{1,2})\s*[-./]\s*(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?P<y>\d{4})년\s*(?P<m>\d{1,2})월\s*(?P<d>\d{1,2})일"),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)(?!\d)"),
)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_ENGLISH_DATE = re.compile(
    rf"(?P<m>{'|'.join(_MONTHS)})\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}})"
)
_CODE = re.compile(r"(?<![\d.])\d+(?:[-.]\d+){2,}")
_NUMBERING = re.compile(r"(?m)^\s*(?:\(?\d{1,2}[.)](?=\s)|[①-⑳])\s*")
_SOFT = re.compile(r"하루|매일|날마다|\bdaily\b|\b(?:a|per|each|every) day\b|\bonce\b|\btwice\b")
_PER = re.compile(r"/|per\s")
_SOFT_VALUES = {"once": (1.0, "time"), "twice": (2.0, "time")}
_AFTER = re.compile(
    r"\s*(?:(?P<up>이상|초과(?!하지)|부터|넘[는게]"
    r"|(?:of age )?(?:and|or) (?:older|over|more|above))"
    r"|(?P<down>이하|미만|이내|까지|초과하지|[을를] ?(?:초과하지|넘지)"
    r"|(?:of age )?(?:and|or) (?:younger|under|less|below|fewer)))"
)
_BEFORE = re.compile(
    r"(?:(?P<down>not? more than|no(?:t)? exceed(?:ing)?|at most|up to|under|below"
    r"|less than|fewer than"
    r"|maximum of|younger than|within)"
    r"|(?P<up>more than|over|above|at least|older than|greater than|minimum of|최소))\s*$"
)


class Quantity(NamedTuple):
    """A number, or a range of two, with its unit."""

    low: float
    high: float
    unit: str
    """Canonical; empty where none was said; two with ``~`` between for ``1/2캡슐~1.5정``."""
    start: int
    text: str
    direction: int = 0
    """1: at least or over, -1: at most or under, 0: not said."""
    soft: bool = False
    """Said in passing (``daily``, ``twice``): grounds others, and needs little ground itself."""

    @property
    def key(self) -> tuple[float, float, str]:
        """What makes two of them the same."""
        return (self.low, self.high, self.unit)

    @property
    def end(self) -> int:
        """Where it ends in its text."""
        return self.start + len(self.text)

    @property
    def ends(self) -> tuple[tuple[float, str], ...]:
        """Its one or two ends."""
        return ends_of(self.low, self.high, self.unit)


_start = attrgetter("start")


@lru_cache(maxsize=4096)
def ends_of(low: float, high: float, unit: str) -> tuple[tuple[float, str], ...]:
    """Return the one or two ends of a range."""
    first, _, last = unit.partition("~")
    begin = (low, first)
    return (begin,) if low == high else (begin, (high, last or first))


def folded(text: str) -> str:
    """Return *text* in the one form in which it is read: no numbering, no case, no variants."""
    text = _NUMBERING.sub("", text)
    return unicodedata.normalize("NFKC", text).replace("⁄", "/").casefold().replace("µ", "μ")


def in_order(text: str) -> list[Quantity]:
    """Return what the folded *text* counts and measures, from its beginning to its end."""
    found = list(quantities(text))
    if len(found) > 1:
        found.sort(key=_start)
    return found


def quantities(text: str) -> Iterator[Quantity]:
    """Yield what the folded *text* counts and measures, in order of kind."""
    found = list(_QUANTITY.finditer(text))
    if found:
        text, special = _specials(text)
        if special:
            yield from special
            found = list(_QUANTITY.finditer(text))
    if _says_softly(text):
        for match in _SOFT.finditer(text):
            value, unit = _SOFT_VALUES.get(match.group(), (1.0, "day"))
            yield Quantity(value, value, unit, match.start(), match.group(), soft=True)
    for match in found:
        quantity = _quantity(match, text)
        if quantity is not None:
            yield quantity


def _specials(text: str) -> tuple[str, list[Quantity]]:
    """Return the dates and codes of *text*, and the text with blanks in their places."""
    found: list[Quantity] = []
    if _YEAR.search(text):
        for shape in (*_DATES, _ENGLISH_DATE):
            text, dates = _taken(shape, text, _date)
            found += dates
    if "-" in text or text.count(".") > 1:
        text, codes = _taken(_CODE, text, _code)
        found += codes
    return text, found


def _says_softly(text: str) -> bool:
    """Return whether `_SOFT` may match: a plain look costs less than its search."""
    if text.isascii():
        return "daily" in text or " day" in text or "once" in text or "twice" in text
    korean = "하루" in text or "매일" in text or "날마다" in text
    return korean or "daily" in text or " day" in text or "once" in text or "twice" in text


def _taken(
    shape: re.Pattern[str], text: str, make: Callable[[re.Match[str]], Quantity]
) -> tuple[str, list[Quantity]]:
    found = [make(match) for match in shape.finditer(text)]
    return (shape.sub(lambda match: " " * len(match.group()), text) if found else text), found


def _date(match: re.Match[str]) -> Quantity:
    month = match["m"]
    number = int(month) if month.isdigit() else _MONTHS.index(month) + 1
    value = float(int(match["y"]) * 10_000 + number * 100 + int(match["d"]))
    return Quantity(value, value, "date", match.start(), match.group())


def _code(match: re.Match[str]) -> Quantity:
    digits = float(re.sub(r"\D", "", match.group())[:15])
    return Quantity(digits, digits, "code", match.start(), match.group())


def _quantity(match: re.Match[str], text: str) -> Quantity | None:
    parsed = _parsed(match.group("low", "word", "mid", "high", "highword", "unit", "old"))
    if parsed is None:
        return None
    low, high, name = parsed
    start = match.start()
    direction = _direction(text, start, match.end())
    return Quantity(low, high, name, start, match.group().strip(), direction)


@lru_cache(maxsize=4096)
def _parsed(parts: tuple[str | None, ...]) -> tuple[float, float, str] | None:
    """Return both ends and the unit of a match: most stand in many texts in the same words."""
    number, word, first, last, last_word, unit, old = parts
    low_unit, high_unit = _name(first), _name(unit)
    if word and not (low_unit or high_unit):
        return None
    low = _value(number or word or "")
    high = _value(last or last_word or "") if last or last_word else low
    low, low_unit, high, high_unit = _scaled(low, low_unit, high, high_unit)
    differ = low_unit and high_unit and low_unit != high_unit
    name = f"{low_unit}~{high_unit}" if differ else low_unit or high_unit
    return low, high, "age" if old and name == "year" else name


def _scaled(low: float, first: str, high: float, last: str) -> tuple[float, str, float, str]:
    """Return both ends in the one unit of their kind: 0.5 g is 500 mg, and a week seven days."""
    factor, low_unit = SCALES.get(first or last, (1.0, first or last))
    other, high_unit = SCALES.get(last or first, (1.0, last or first))
    low, high = float(f"{low * factor:.10g}"), float(f"{high * other:.10g}")
    return low, low_unit if first else "", high, high_unit if last else ""


def _name(unit: str | None) -> str:
    if not unit:
        return ""
    return "/".join(CANONICAL[part.strip()] for part in _PER.split(unit))


def _value(text: str) -> float:
    if text in WORDS:
        return WORDS[text]
    if "/" in text:
        over, under = text.split("/")
        return float(over) / float(under) if float(under) else float(over)
    return float(text.replace(",", ""))


def _direction(text: str, start: int, end: int) -> int:
    after = _AFTER.match(text, end)
    found = after or (_BEFORE.search(text, max(0, start - 20), start) if start else None)
    if found is None:
        return 0
    return 1 if found["up"] else -1
