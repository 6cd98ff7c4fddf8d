"""What must hold in every simulation, told by what can be seen from outside."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from adapters.errors import UpstreamError
from gateway.answer import Answer
from tests.simulation.plan import Plan, Visit

SLACK = 1e-6
"""Seconds that the arithmetic of a clock may be off."""


@dataclass(slots=True)
class Oracles:
    """Watches calls, answers and circuits; *faults* are the rules that were broken."""

    plan: Plan
    faults: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    _running: Counter[str] = field(default_factory=Counter)
    _circuit: str = "closed"
    _opened_at: float = 0.0
    _trials: int = 0
    _failed_in_a_row: int = 0

    def fault(self, rule: str, what: str) -> None:
        self.faults.append(f"{rule}: seed {self.plan.seed}: {what}")

    def circuit_changed(self, after: str, now: float) -> None:
        self._circuit = after
        if after == "open":
            self._opened_at = now
        if after == "closed":
            self._failed_in_a_row = 0

    def call_began(self, name: str, now: float) -> None:
        self._running[name] += 1
        if self._running[name] > 1:
            self.fault("one flight", f"{self._running[name]} calls for {name} at {now:g}")
        if self._running.total() > self.plan.limits.concurrency:
            self.fault("permits", f"{self._running.total()} calls at once at {now:g}")
        reset = self.plan.limits.breaker.reset
        if self._circuit == "open":
            self.fault("circuit", f"a call at {now:g} while it is open")
        elif self._circuit == "half-open":
            self._trials += 1
            if self._trials > 1:
                self.fault("circuit", f"{self._trials} trials at once at {now:g}")
            if now < self._opened_at + reset - SLACK:
                self.fault("circuit", f"a trial at {now:g}, {reset:g} s are not over")

    def call_ended(self, name: str, error: BaseException | None, now: float) -> None:
        self._running[name] -= 1
        if self._circuit != "closed":
            self._trials = max(0, self._trials - 1)
        elif isinstance(error, UpstreamError) and error.kind.consequence.breaker:
            self._failed_in_a_row += 1
        elif error is None:
            self._failed_in_a_row = 0
        limits = self.plan.limits
        # Each fetch counts once and is known to have failed after its last try.
        most = (limits.breaker.failures + limits.concurrency) * (limits.retries + 1)
        if self._failed_in_a_row > most:
            self.fault("circuit", f"closed after {self._failed_in_a_row} failures at {now:g}")

    def answered(self, visit: Visit, answer: Answer, truth: int, now: float) -> None:
        """Check *answer*; *truth* is what the upstream held at the time that it claims."""
        self.outcomes[answer.outcome] += 1
        policy, age = self.plan.policy, now - answer.entry.records.at
        fresh = "stale" not in answer.degraded
        if fresh and age > policy.ttl + SLACK:
            self.fault("freshness", f"{age:g} s old and called fresh at {now:g}")
        oldest = policy.ttl + max(policy.stale_while_revalidate, policy.stale_if_error)
        if age > oldest + SLACK:
            self.fault("freshness", f"{age:g} s old and served at {now:g}")
        if b'"version":%d' % truth not in answer.entry.records.body:
            self.fault("freshness", f"{visit.name} at {now:g} was never so at its time")

    def left(self, visit: Visit, began: float, now: float) -> None:
        """Check how long a caller was kept who did not hang up."""
        longest = self.plan.deadlines.hard if visit.within is None else visit.within
        if visit.priority is not None:
            longest = self.plan.deadlines.bulk
        # Without a time of its own a caller waits a second longer than a flight may take.
        longest += 1.0 if visit.within is None or visit.priority is not None else 0.0
        if now - began > longest + SLACK:
            self.fault("deadline", f"{visit.name} kept for {now - began:g} s, not {longest:g}")

    def failed(self, visit: Visit, error: BaseException) -> None:
        """Check the error of a caller who did not hang up."""
        if isinstance(error, UpstreamError):
            self.outcomes[error.kind.value] += 1
            if "shutting down" in error.message:
                self.fault("leaving", f"the flight of {visit.name} was cancelled by another")
        elif isinstance(error, asyncio.CancelledError):
            self.fault("leaving", f"{visit.name} was cancelled by another who left")
        else:
            self.fault("leaving", f"{visit.name} got {error!r}")
