"""What happens in one simulation, all of it drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from adapters.source import Priority
from adapters.sources.limits import BreakerSpec, LimitsSpec
from adapters.sources.units import Duration
from gateway.flights import FlightsSpec
from gateway.flights.failures import FailuresSpec
from gateway.freshness import FreshnessSpec
from gateway.route import Deadlines

SECONDS = 90.0
"""Callers come for so long."""
MOODS = ("well", "well", "well", "failing", "slow", "hanging", "mixed", "limiting")


@dataclass(frozen=True, slots=True)
class Visit:
    """One caller: when it comes, what it asks, how long it waits and whether it hangs up."""

    at: float
    name: str
    within: float | None
    hangs_up_after: float | None
    priority: Priority | None
    """None: a caller's lookup; else a refresh of this priority."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a seed decides beforehand."""

    seed: int
    policy: FreshnessSpec
    limits: LimitsSpec
    flights: FlightsSpec
    deadlines: Deadlines
    visits: tuple[Visit, ...]
    moods: tuple[str, ...]
    """The upstream's, each for `SECONDS` / len(moods)."""


def draw_plan(seed: int) -> Plan:
    """Return the plan of *seed*."""
    rng = Random(seed)
    limits = LimitsSpec(
        concurrency=rng.choice((1, 2, 3)),
        queue=rng.choice((1, 3, 10)),
        retries=rng.choice((0, 1, 2)),
        retry_burst=rng.choice((0, 3)),
        backoff=Duration(0.2),
        max_backoff=Duration(2),
        deadline=Duration(rng.choice((3, 6))),
        bulk_deadline=Duration(15),
        breaker=BreakerSpec(failures=rng.choice((2, 4)), reset=Duration(5), min_calls=6),
    )
    names = [f"name {number}" for number in range(rng.choice((1, 3, 6)))]
    return Plan(
        seed=seed,
        policy=FreshnessSpec(
            ttl=Duration(rng.choice((2, 8))),
            stale_while_revalidate=Duration(rng.choice((0, 5))),
            stale_if_error=Duration(rng.choice((0, 20))),
            jitter=rng.choice((0.0, 0.1)),
            early=rng.choice((0.0, 1.0, 5.0)),
        ),
        limits=limits,
        flights=FlightsSpec(
            limit=rng.choice((1, 2, 100)),
            waiters=rng.choice((2, 100)),
            failures=FailuresSpec(backoff=Duration(1), max_backoff=Duration(4)),
        ),
        deadlines=Deadlines(
            soft=rng.choice((0.0, 0.5)), hard=limits.deadline + rng.choice((1, -1)), bulk=16.0
        ),
        visits=_draw_visits(rng, names),
        moods=tuple(rng.choice(MOODS) for _ in range(6)),
    )


def tenths(rng: Random, least: float, most: float) -> float:
    """Return a time between *least* and *most* on a grid: what meets in one step goes wrong."""
    return rng.randint(round(least * 10), round(most * 10)) / 10


def _draw_visits(rng: Random, names: list[str]) -> tuple[Visit, ...]:
    visits: list[Visit] = []
    for _ in range(rng.choice((4, 10, 20))):
        # Callers come in crowds: what goes wrong goes wrong between those who come at once.
        at, name = tenths(rng, 0, SECONDS), rng.choice(names)
        visits += [_draw_visit(rng, at, names, name) for _ in range(rng.choice((1, 1, 2, 5)))]
    return tuple(sorted(visits, key=lambda visit: visit.at))


def _draw_visit(rng: Random, at: float, names: list[str], name: str) -> Visit:
    return Visit(
        at=at + rng.choice((0.0, 0.0, tenths(rng, 0, 1))),
        name=rng.choice((name, rng.choice(names))),
        within=rng.choice((None, 0.1, 1.0, 4.0)),
        hangs_up_after=rng.choice((None, None, 0.0, tenths(rng, 0, 2))),
        priority=rng.choice((None, None, None, None, Priority.WARMUP)),
    )
