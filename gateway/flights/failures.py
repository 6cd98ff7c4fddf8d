"""What failed a moment ago, by key: told to the next callers, and not tried again at once.

Two pauses per key. A caller who has nothing else is given the same error for a short while
that the error's class sets. A refresh behind an answer that stands in rests longer with each
failure in a row: nobody waits for it, and an upstream that is down is spared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from adapters.errors import Kind, UpstreamError
from adapters.sources.units import Duration, Spec, seconds

KEPT = 10_000
"""Beyond so many distinct failing keys nothing is gained by remembering more."""
OVERLOAD_WAIT = 1.0
"""Seconds after which a caller who found everything full may come again."""
_DOUBLINGS = 30
"""Two to a higher power would only be capped."""


class FailuresSpec(Spec, frozen=True, kw_only=True):
    """What a failed fetch means for those who come next."""

    remember: dict[str, Duration] = msgspec.field(default_factory=dict)
    """By class of error (``timeout``, ``malformed``, …): for how long callers with nothing
    else are given it without a new call. Each class has its own default, 0 to 30 s."""
    backoff: Duration = seconds(5)
    """After a refresh failed, the next one for its key waits so long; each failure doubles it."""
    max_backoff: Duration = seconds(60)
    """No wait between two refreshes is longer."""

    def __post_init__(self) -> None:
        known = {kind.value for kind in Kind}
        unknown = sorted(set(self.remember) - known)
        if unknown:
            raise ValueError(f"{unknown[0]} is none of {', '.join(sorted(known))}")


def remembered_for(kind: Kind, remember: Mapping[str, float]) -> float:
    """Return for how many seconds the next caller is given an error of *kind* anew."""
    return remember.get(kind.value, kind.consequence.remember)


def rests_for(failures: int, retry_after: float | None, spec: FailuresSpec) -> float:
    """Return for how many seconds a key is not refreshed after *failures* in a row.

    Exponential, never shorter than the upstream asked for, never longer than the cap.
    """
    doubled = spec.backoff * 2.0 ** min(max(failures - 1, 0), _DOUBLINGS)
    return min(spec.max_backoff, max(doubled, retry_after or 0.0))


@dataclass(frozen=True, slots=True)
class _Failure:
    error: UpstreamError
    in_a_row: int
    until: float
    rests_until: float


class Failures:
    """The last failure of each key; *clock* is monotonic, in seconds."""

    def __init__(self, spec: FailuresSpec, clock: Callable[[], float]) -> None:
        self._spec = spec
        self._clock = clock
        self._kept: dict[str, _Failure] = {}

    def recall(self, key: str, *, rested: bool = False) -> UpstreamError | None:
        """Return the error that stands for *key* now; *rested*: for a refresh or one like it."""
        failure = self._kept.get(key)
        if failure is None:
            return None
        until = failure.rests_until if rested else failure.until
        return copied(failure.error) if self._clock() < until else None

    def note(self, key: str, error: UpstreamError) -> None:
        """Remember that *key* failed with *error*, once more."""
        before, now = self._kept.get(key), self._clock()
        # A circuit that is open, or no room, says nothing new: nobody was asked.
        asked = error.kind not in (Kind.CIRCUIT_OPEN, Kind.OVERLOADED)
        in_a_row = (0 if before is None else before.in_a_row) + asked
        until = now + remembered_for(error.kind, self._spec.remember)
        rests_until = now + rests_for(in_a_row if asked else 1, error.retry_after, self._spec)
        if before is None and len(self._kept) >= KEPT:
            self._drop_past(now)
        if before is not None or len(self._kept) < KEPT:
            self._kept[key] = _Failure(error, in_a_row, until, rests_until)

    def forget(self, key: str) -> None:
        """Start anew with *key*: it succeeded."""
        self._kept.pop(key, None)

    def _drop_past(self, now: float) -> None:
        self._kept = {k: f for k, f in self._kept.items() if max(f.until, f.rests_until) > now}


def copied(error: UpstreamError) -> UpstreamError:
    """Return the same error anew: one instance raised in a thousand tasks grows its traceback."""
    return UpstreamError(error.kind, error.message, retry_after=error.retry_after)


def overloaded(message: str) -> UpstreamError:
    """Return the error of a caller who found everything full."""
    return UpstreamError(Kind.OVERLOADED, message, retry_after=OVERLOAD_WAIT)
