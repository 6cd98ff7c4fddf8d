"""A circuit breaker per upstream: pybreaker behind a face that is right for asyncio.

pybreaker counts a caller who hangs up as a failure, lets everyone through when it is
half open, and knows no clock but the system's. So it only counts here: *permit, then
record*. A permit is asked for before the call and the outcome recorded after it; a
cancelled call records nothing, and one trial goes through at a time. It also counts only
failures in a row: the shares of failed and slow calls are ours (`adapters.rates`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

import pybreaker

from adapters.errors import Kind, UpstreamError
from adapters.rates import Rates, Tally

OnChange = Callable[[str, str, str], None]
"""Told the upstream's name, the state before and the state after."""

_TRIAL_WAIT = 1.0
"""Seconds that a caller is asked to wait while the one trial is out."""


class _Failed(Exception):  # noqa: N818 - a mark for pybreaker that nobody else meets
    """What pybreaker is told of a failure."""


class Call:
    """A piece of work of one or more tries, which counts once for its breaker.

    It lasts as long as its context: what is raised within is counted (`Breaker.observe`).
    """

    __slots__ = ("_breaker", "begun", "slowest", "trial")

    def __init__(self, breaker: Breaker) -> None:
        self.begun = False
        """Whether the upstream was asked at all."""
        self.trial = False
        """Whether it is the one call that is let through to see whether the upstream is well."""
        self.slowest = 0.0
        """Seconds of the try that took longest."""
        self._breaker = breaker

    def __enter__(self) -> Self:
        self._breaker.refuse_when_open()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is None:
            self._breaker._record(self, _nothing)
        elif isinstance(error, UpstreamError) and error.kind.consequence.breaker:
            self._breaker._record(self, _raise)
        if self.trial:
            self._breaker._trial = False

    def begin(self) -> None:
        """Take leave for a try; raise ``CIRCUIT_OPEN`` when the upstream is left alone."""
        if not self.trial:
            self.trial = self._breaker._permit()
        self.begun = True

    def took(self, seconds: float) -> None:
        """Note how long a try took."""
        self.slowest = max(self.slowest, seconds)


class Breaker:
    """Stops calling an upstream that keeps failing; tries one call after a while."""

    def __init__(
        self,
        name: str,
        failures: int,
        reset: float,
        *,
        clock: Callable[[], float],
        on_change: OnChange,
        rates: Rates | None = None,
    ) -> None:
        """Open after *failures* in a row or beyond *rates*, for *reset* seconds of *clock*."""
        self.name = name
        self.state = "closed"
        """``closed``, ``open`` or ``half-open``; pybreaker's, as its listener was told."""
        self._reset = reset
        self._clock = clock
        self._tally = Tally(rates or Rates())
        self._opened_at = 0.0
        self._trial = False
        self._on_change = on_change
        self._adopting = False
        self._circuit = pybreaker.CircuitBreaker(
            fail_max=failures,
            reset_timeout=reset,
            throw_new_error_on_trip=False,
            listeners=[_Listener(self)],
        )

    @property
    def seconds_left(self) -> float:
        """How long until the next trial; 0 when calls go through."""
        if self.state == "closed":
            return 0.0
        if self._trial:
            return _TRIAL_WAIT
        return max(0.0, self._opened_at + self._reset - self._clock())

    @contextmanager
    def watch(self) -> Iterator[Call]:
        """Count what the body raises; raise ``CIRCUIT_OPEN`` instead of running it when open.

        Errors whose consequence does not concern the breaker, and cancellations, count
        neither for nor against the upstream.
        """
        with self.observe() as call:
            call.begin()
            started = self._clock()
            try:
                yield call
            finally:
                call.took(self._clock() - started)

    def observe(self) -> Call:
        """Do the same for a body that says itself when it asks the upstream (`Call.begin`).

        What it does before counts for nothing, and holds up no other trial.
        """
        return Call(self)

    def refuse_when_open(self) -> None:
        """Raise ``CIRCUIT_OPEN`` if a call could not go through now; take no trial."""
        if self.state != "closed" and self.seconds_left > 0:
            raise self._refusal()

    def adopt(self, state: str) -> None:
        """Be ``open`` or ``closed`` as another replica has found; nobody is told of that here."""
        if self._trial:  # what it brings is newer
            return
        self._adopting = True
        try:
            if state == "open":
                self._circuit.open()  # the listener hears of it, also where it was open
            elif self.state != "closed":
                self._circuit.close()
                self._tally.clear()
        finally:
            self._adopting = False

    def note_changed(self, before: str, after: str) -> None:
        """Tell who listens, unless it comes from elsewhere; the listener's word to the face."""
        if not self._adopting:
            self._on_change(self.name, before, after)

    def note_opened(self) -> None:
        """Start the rest; the listener's word to the face."""
        self._opened_at = self._clock()

    def _permit(self) -> bool:
        """Return whether this call is the trial; raise when it may not go through."""
        if self.state == "closed":
            return False
        if self.seconds_left > 0:
            raise self._refusal()
        if self.state == "open":
            self._circuit.half_open()
        self._trial = True
        return True

    def _refusal(self) -> UpstreamError:
        return UpstreamError(
            Kind.CIRCUIT_OPEN,
            "the upstream failed repeatedly and is left alone for a while",
            retry_after=float(math.ceil(self.seconds_left)),
        )

    def _record(self, call: Call, outcome: Callable[[], None]) -> None:
        # A call that was let through before the circuit opened says nothing new about it.
        if not call.begun or not (call.trial or self.state == "closed"):
            return
        # What pybreaker would do of a success is to set its count to what it is.
        if call.trial or outcome is _raise or self._circuit.fail_counter:
            with suppress(_Failed):
                self._circuit.call(outcome)
        now = self._clock()
        if call.trial:
            self._tally.clear()
        else:
            self._tally.add(now, call.slowest, failed=outcome is _raise)
        if self.state == "closed" and self._tally.exceeded(now):
            self._circuit.open()


class _Listener(pybreaker.CircuitBreakerListener):
    """Passes on changes of state; pybreaker calls it in line."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        """Tell the listener outside, and the face when the rest begins."""
        del cb
        self._breaker.state = str(new_state.name)
        if new_state.name == pybreaker.STATE_OPEN:
            self._breaker.note_opened()
        before = "closed" if old_state is None else str(old_state.name)
        if before != new_state.name:
            self._breaker.note_changed(before, str(new_state.name))


def _raise() -> None:
    raise _Failed


def _nothing() -> None:
    return None
