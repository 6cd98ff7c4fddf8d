"""How much of what: values with a canonical unit, whatever words said them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from gateway.grounding.units import CANONICAL, SCALES, WORDS

_PER = re.compile(r"/|per\s")


class Amount(NamedTuple):
    """One value or a range of two, with its unit; made once for all that say it alike."""

    key: tuple[float, float, str]
    """The low and the high end, and the canonical unit; two with ``~`` between for
    ``1/2캡슐~1.5정``, none where none was said."""
    unit: str
    ends: tuple[tuple[float, str], ...]
    marks: tuple[str, ...]
    """Its ends as words."""


@lru_cache(maxsize=4096)
def ends_of(low: float, high: float, unit: str) -> tuple[tuple[float, str], ...]:
    """Return the one or two ends of a range."""
    first, _, last = unit.partition("~")
    begin = (low, first)
    return (begin,) if low == high else (begin, (high, last or first))


def amount(low: float, high: float, unit: str) -> Amount:
    """Return the amount from *low* to *high*."""
    ends = ends_of(low, high, unit)
    return Amount((low, high, unit), unit, ends, tuple(f"{n:g}{name}" for n, name in ends))


@lru_cache(maxsize=4096)
def parsed(parts: tuple[str | None, ...]) -> Amount | None:
    """Return both ends and the unit of a match: most stand in many texts in the same words.

    *parts* are what matched, and in it both numbers with their units, and whether it is an age.
    """
    _, number, first, last, last_word, unit, old = parts
    low_unit, high_unit = _name(first), _name(unit)
    if number in WORDS and not (low_unit or high_unit):
        return None
    low = _value(number or "")
    high = _value(last or last_word or "") if last or last_word else low
    low, low_unit, high, high_unit = _scaled(low, low_unit, high, high_unit)
    differ = low_unit and high_unit and low_unit != high_unit
    name = f"{low_unit}~{high_unit}" if differ else low_unit or high_unit
    return amount(low, high, "age" if old and name == "year" else name)


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
