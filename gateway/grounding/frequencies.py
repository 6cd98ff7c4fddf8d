"""How often: ``twice daily``, ``every 12 hours`` and ``1일 2회`` are one and the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.grounding.quantities import Quantity

_PERIOD = re.compile(
    r"[ -](?:(?:a|per|each|every|in) )?(?:(?:1|one) )?(?:(?P<day>daily|day|24 hours)|weekly|week)\b"
)
_INTERVAL = re.compile(r" ?(?:마다|간격)")
A_DAY = (1.0, 1.0, "day")
_LASTING = frozenset({"minute", "day"})
_MINUTES = 1440.0


class Frequency(NamedTuple):
    """A frequency where it stands in a text."""

    low: float
    """So often a day at least."""
    high: float
    number: Quantity
    """What counts the times, or measures the time between them."""
    text: str


def frequencies(text: str, said: Sequence[Quantity]) -> list[Frequency]:
    """Return how often the folded *text* says that something is done; *said* are its numbers."""
    found = []
    before = None
    for quantity in said:
        low, high, unit = quantity.amount.key
        if unit == "time":
            days = _period(text, before, quantity)
            if days:
                found.append(_frequency(low / days, high / days, text, before, quantity))
        elif unit == "time/day":
            found.append(_frequency(low, high, text, None, quantity))
        elif low and unit in _LASTING and _repeats(text, quantity):
            whole = _MINUTES if unit == "minute" else 1.0
            found.append(_frequency(whole / high, whole / low, text, None, quantity))
        before = quantity
    return found


def stated(one: Frequency, known: Iterable[tuple[float, float]]) -> bool:
    """Return whether *one* is among *known*, which are lowest and highest, or between them."""
    return any(low <= one.low and one.high <= high for low, high in known)


def _period(text: str, before: Quantity | None, times: Quantity) -> float:
    """Return the days in which something is done so many *times*; 0: it is not said."""
    if before is not None and before.amount.key == A_DAY and times.start - before.end <= 2:
        return 1.0
    match = _PERIOD.match(text, times.end)
    if match is None:
        return 0.0
    return 1.0 if match["day"] else 7.0


def _repeats(text: str, quantity: Quantity) -> bool:
    """Return whether *quantity* is the time from one to the next."""
    if quantity.amount.key == A_DAY:
        return False  # so most numbers of days are
    every = text.endswith(("every ", "every-"), 0, quantity.start)
    return every or _INTERVAL.match(text, quantity.end) is not None


def _frequency(
    low: float, high: float, text: str, before: Quantity | None, count: Quantity
) -> Frequency:
    start = count.start if before is None or before.amount.key != A_DAY else before.start
    return Frequency(round(low, 6), round(high, 6), count, text[start : count.end])
