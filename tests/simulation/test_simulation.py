"""Random schedules over virtual time: `bench.simulation` plays many more of them."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.simulation.broken import BROKEN
from tests.simulation.core import Build
from tests.simulation.loop import DeadlockError, run
from tests.simulation.world import simulate

SEEDS = 250
OUTCOMES = {"hit", "stale", "miss", "collapsed", "timeout", "circuit_open", "overloaded"}


def test_no_schedule_breaks_a_rule() -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(SEEDS):
        report = simulate(seed)
        assert report.faults == ()
        outcomes += report.outcomes
    # A simulation in which nothing happens finds nothing.
    assert all(outcomes[name] > 20 for name in OUTCOMES)


@pytest.mark.parametrize("what", BROKEN)
def test_a_rule_that_is_broken_on_purpose_is_found(what: str) -> None:
    rule, build = BROKEN[what]
    assert any(_finds(rule, seed, build) for seed in range(SEEDS))


def test_a_seed_always_tells_the_same_story() -> None:
    assert simulate(7) == simulate(7)
    assert simulate(7) != simulate(8)


def test_time_in_the_loop_costs_none() -> None:
    async def story() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    assert run(story()) == pytest.approx(86_400)


def test_waiting_for_nothing_is_told() -> None:
    async def story() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run(story())


def _finds(rule: str, seed: int, build: Build) -> bool:
    return any(fault.startswith(f"{rule}:") for fault in simulate(seed, build).faults)
