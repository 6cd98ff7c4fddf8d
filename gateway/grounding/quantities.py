"""Numbers with their units, as values that compare across spellings and languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.grounding.units import CANONICAL, PATTERN, WORDS

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
_LIKELY = re.compile(rf"\d|(?:{'|'.join(WORDS)})[\s~-]|하루|매일|날마다|daily| day|once|twice")
"""Most sentences count nothing, and are told from those that do in one pass."""
_SOFT_CUES = ("하루", "매일", "날마다", "daily", " day", "once", "twice")
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


@dataclass(frozen=True, slots=True)
class Quantity:
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
        first, _, last = self.unit.partition("~")
        low = (self.low, first)
        return (low,) if self.low == self.high else (low, (self.high, last or first))


def folded(text: str) -> str:
    """Return *text* in the one form in which it is read: no numbering, no case, no variants."""
    text = _NUMBERING.sub("", text)
    return unicodedata.normalize("NFKC", text).replace("⁄", "/").casefold().replace("µ", "μ")


def quantities(text: str) -> Iterator[Quantity]:
    """Yield what the folded *text* counts and measures, in order of kind."""
    if not _LIKELY.search(text):
        return
    if _YEAR.search(text):
        for shape in (*_DATES, _ENGLISH_DATE):
            text, found = _taken(shape, text, _date)
            yield from found
    text, codes = _taken(_CODE, text, _code)
    yield from codes
    if any(cue in text for cue in _SOFT_CUES):
        for match in _SOFT.finditer(text):
            value, unit = _SOFT_VALUES.get(match.group(), (1.0, "day"))
            yield Quantity(value, value, unit, match.start(), match.group(), soft=True)
    for match in _QUANTITY.finditer(text):
        quantity = _quantity(match, text)
        if quantity is not None:
            yield quantity


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
    first, last = _name(match["mid"]), _name(match["unit"])
    if match["word"] and not (first or last):
        return None
    low = _value(match["low"] or match["word"])
    high = _value(match["high"] or match["highword"]) if match["high"] or match["highword"] else low
    name = f"{first}~{last}" if first and last and first != last else first or last
    if match["old"] and name == "year":
        name = "age"
    direction = _direction(text, match.start(), match.end())
    return Quantity(low, high, name, match.start(), match.group().strip(), direction)


def _name(unit: str | None) -> str:
    if not unit:
        return ""
    return "/".join(CANONICAL[part.strip()] for part in re.split(r"/|per\s", unit))


def _value(text: str) -> float:
    if text in WORDS:
        return WORDS[text]
    if "/" in text:
        over, under = text.split("/")
        return float(over) / float(under) if float(under) else float(over)
    return float(text.replace(",", ""))


def _direction(text: str, start: int, end: int) -> int:
    after = _AFTER.match(text, end)
    found = after or _BEFORE.search(text, max(0, start - 20), start)
    if found is None:
        return 0
    return 1 if found["up"] else -1
