"""Numbers with their units, as values that compare across spellings and languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from operator import attrgetter

import msgspec

from gateway.grounding.amounts import Amount, amount, parsed
from gateway.grounding.units import PATTERN, WORD_FIRSTS, WORD_RESTS, WORDS

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\s*/\s*\d+(?![\d/])|\d+(?:\.\d+)?"
_REST = r"\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d*\s*/\s*\d+(?![\d/])|\d*(?:\.\d+)?"
"""What comes of `_NUMBER` after its first digit."""
_WORD = rf"(?<![a-z가-힣])(?:{'|'.join(WORDS)})"
_SEPARATOR = r"\s*(?:[~∼〜–—-]|to|or|내지|에서|부터)\s*"
_PER = rf"\s*(?:/|per\s)\s*{PATTERN}"
_UNIT = rf"{PATTERN}(?:(?=[\s/p]){_PER}(?:{_PER}(?:{_PER}|)|)|)"
# A set of characters is in front, before any look behind: the engine skips quickly to those. And
# ``(?:…|)`` takes it half of what ``(?:…)?`` does.
_QUANTITY = re.compile(
    rf"(?P<all>(?P<low>[\d{WORD_FIRSTS}]"
    rf"(?:(?<=\d)(?<![a-z\d].)(?<!\d\..)(?<![a-z]-.)(?:{_REST})"
    rf"|(?<![a-z가-힣\d].)(?<!\d\..)(?<![a-z]-.)(?:{WORD_RESTS})(?=[\s~-])))"
    rf"(?:(?:[\s-]|\s?an?\s|)(?P<mid>{_UNIT})|)"
    rf"(?:{_SEPARATOR}(?:(?P<high>{_NUMBER})|(?P<highword>{_WORD})(?=\s))"
    rf"(?:[\s-]?(?P<unit>{_UNIT})|)|)"
    r"(?:(?P<old>\s*(?:of age|old|-old))|))"
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
_CODE = re.compile(r"\d(?<![\d.].)\d*(?:[-.]\d+){2,}")
_NUMBERING = re.compile(r"(?m)^\s*(?:\(?\d{1,2}[.)](?=\s)|[①-⑳])\s*")
_SOFT = re.compile(
    r"하루|매일|날마다|d(?<!\w.)aily\b|a(?<!\w.) day\b|p(?<!\w.)er day\b"
    r"|e(?<!\w.)(?:ach|very) day\b|o(?<!\w.)nce\b|t(?<!\w.)wice\b"
)
_AFTER = re.compile(
    r"\s*(?:(?P<up>이상|초과(?!하지)|부터|넘[는게]"
    r"|(?:of age )?(?:and|or) (?:older|over|more|above))"
    r"|(?P<down>이하|미만|이내|까지|초과하지|[을를] ?(?:초과하지|넘지)"
    r"|(?:of age )?(?:and|or) (?:younger|under|less|below|fewer)))"
)
_AFTER_FIRSTS = frozenset("이초부넘미까을를oa \t\n")
"""With these, after a space, begins what `_AFTER` matches."""
_DOWN = (
    *("not more than", "no more than", "no exceed", "no exceeding", "not exceed", "not exceeding"),
    *("at most", "up to", "under", "below", "less than", "fewer than", "maximum of", "maximum"),
    *("younger than", "within", "no longer than", "not longer than", "최대"),
)
_UP = (
    *("more than", "over", "above", "at least", "older than", "greater than", "minimum of"),
    *("longer than", "exceed", "exceeds", "exceeding", "최소"),
)
_DENIED = re.compile(r"(?:\b(?:not|never|cannot|avoid)|n['’]t)(?: [a-z]+){1,6}\s*\Z")
"""Before a comparison: ``do not take more than``."""
_BEFORE_LASTS = frozenset(" \t\n").union(end[-1] for end in (*_DOWN, *_UP))


class Quantity(msgspec.Struct, frozen=True, gc=False):
    """A number, or a range of two, with its unit, where it stands in a text."""

    amount: Amount
    start: int
    text: str
    direction: int = 0
    """1: at least or over, -1: at most or under, 0: not said."""
    soft: bool = False
    """Said in passing (``daily``, ``twice``): grounds others, and needs little ground itself."""

    @property
    def end(self) -> int:
        """Where it ends in the text."""
        return self.start + len(self.text)

    @property
    def low(self) -> float:
        """Its lower end, or all of it."""
        return self.amount.key[0]

    @property
    def high(self) -> float:
        """Its higher end, or all of it."""
        return self.amount.key[1]

    @property
    def unit(self) -> str:
        """Its canonical unit; empty where none was said."""
        return self.amount.unit

    @property
    def key(self) -> tuple[float, float, str]:
        """What makes two of them the same."""
        return self.amount.key


_start = attrgetter("start")
_SOFT_AMOUNTS = {"once": amount(1.0, 1.0, "time"), "twice": amount(2.0, 2.0, "time")}
_DAILY = amount(1.0, 1.0, "day")


def folded(text: str) -> str:
    """Return *text* in the one form in which it is read: no numbering, no case, no variants."""
    if "\n" in text or not text[:1].isalpha():
        text = _NUMBERING.sub("", text)
    return _varied(text)


def all_folded(texts: Sequence[str]) -> list[str]:
    """Return each of *texts*, which have no line breaks, folded: at once, which is far faster."""
    bare = [text if text[:1].isalpha() else _NUMBERING.sub("", text) for text in texts]
    return _varied("\n".join(bare)).split("\n") if bare else []


def _varied(text: str) -> str:
    """Return *text* without case and variants."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).replace("⁄", "/").casefold()


def quantities(text: str) -> list[Quantity]:
    """Return what the folded *text* counts and measures, from its beginning to its end."""
    matches = list(_QUANTITY.finditer(text))
    found: list[Quantity] = []
    if matches and _may_be_special(text):
        text, found = _specials(text)
        if found:
            matches = list(_QUANTITY.finditer(text))
    if _says_softly(text):
        for match in _SOFT.finditer(text):
            word = match.group()
            daily = _SOFT_AMOUNTS.get(word, _DAILY)
            found.append(Quantity(daily, match.start(), word, soft=True))
    mixed = bool(found)
    for match in matches:
        parts = match.groups()
        said = parsed(parts)
        if said is not None:
            start, wording = match.start(), parts[0]
            direction = _direction(text, start, start + len(wording))
            found.append(Quantity(said, start, wording, direction))
    if mixed:
        found.sort(key=_start)
    return found


def _may_be_special(text: str) -> bool:
    """Return whether `_specials` may find any: a plain look costs less than its searches."""
    return "-" in text or "20" in text or "19" in text or text.count(".") > 1


def _specials(text: str) -> tuple[str, list[Quantity]]:
    """Return the dates and codes of *text*, and the text with blanks in their places."""
    found: list[Quantity] = []
    if _YEAR.search(text):
        for shape in (*_DATES, _ENGLISH_DATE):
            text, dates = _taken(shape, text, _date)
            found += dates
    text, codes = _taken(_CODE, text, _code)
    return text, found + codes


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
    return Quantity(amount(value, value, "date"), match.start(), match.group())


def _code(match: re.Match[str]) -> Quantity:
    digits = float(re.sub(r"\D", "", match.group())[:15])
    return Quantity(amount(digits, digits, "code"), match.start(), match.group())


def _direction(text: str, start: int, end: int) -> int:
    # A look at one character, or at the one behind a space, spares most searches.
    following = text[end : end + 1]
    if following == " ":
        following = text[end + 1 : end + 2]
    if following in _AFTER_FIRSTS:
        after = _AFTER.match(text, end)
        if after is not None:
            return 1 if after["up"] else -1
    before = text[start - 1 : start]
    if before == " ":
        before = text[start - 2 : start - 1]
    if before not in _BEFORE_LASTS:
        return 0
    said = text[max(0, start - 20) : start].rstrip()
    if said.endswith(_DOWN):
        return -1
    if not said.endswith(_UP):
        return 0
    return -1 if _DENIED.search(text, max(0, start - 60), start) else 1
