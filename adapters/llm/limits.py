"""What a provider says is left of its rate limits: read from its headers, kept by the clock."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_KINDS = ("requests", "tokens")
_LONGEST = 3600.0
"""Seconds: a reset further off is asked about again, for headers have been wrong."""
_UNSAID = 1.0
"""Seconds to wait after a 429 that does not say how long."""


class Limits:
    """The rate limits of one model; *clock* is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held = 0.0
        self._left: dict[str, tuple[float, float]] = {}

    def note(self, headers: Mapping[str, str]) -> None:
        """Read ``x-ratelimit-remaining-*`` and ``-reset-*`` (api-quirks §11.1)."""
        now = self._clock()
        for kind in _KINDS:
            left = _number(headers.get(f"x-ratelimit-remaining-{kind}"))
            reset = duration(headers.get(f"x-ratelimit-reset-{kind}", ""))
            limit = _number(headers.get(f"x-ratelimit-limit-{kind}"))
            # Azure says -1 or 0 of 0 where it counts nothing (api-quirks §11.2).
            if left is None or left < 0 or reset is None or limit == 0:
                self._left.pop(kind, None)
            else:
                self._left[kind] = (left, now + min(reset, _LONGEST))

    def hold(self, seconds: float | None) -> None:
        """Send nothing for *seconds*, as a 429 asked; None: it did not say how long."""
        self._held = self._clock() + min(_UNSAID if seconds is None else seconds, _LONGEST)

    def spend(self, tokens: int) -> None:
        """Count a call that is sent: the next one may be made before its headers are here."""
        for kind, amount in (("requests", 1), ("tokens", tokens)):
            if kind in self._left:
                left, until = self._left[kind]
                self._left[kind] = (left - amount, until)

    def wait(self, tokens: int) -> float:
        """Return the seconds until a call of about *tokens* may be made; 0: now."""
        now = self._clock()
        waits = [self._held - now]
        for kind, amount in (("requests", 1), ("tokens", tokens)):
            left, until = self._left.get(kind, (amount, 0.0))
            if left < amount:
                waits.append(until - now)
        return max(0.0, *waits)


def duration(text: str) -> float | None:
    """Return the seconds of a Go duration such as ``6m0s`` or ``12ms``, or of a plain number."""
    parts = _PARTS.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return _number(text)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
