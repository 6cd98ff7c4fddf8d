from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from gateway import VERSION
from gateway.events import Failed, Served, TierFailed, TierRead
from gateway.statistics import Latencies, Statistics
from tests.clocks import ManualClock


def test_percentiles_are_at_most_five_percent_off() -> None:
    draw = random.Random(1)
    latencies, exact = Latencies(), []
    for _ in range(20_000):
        seconds = draw.lognormvariate(-7, 2)
        exact.append(seconds)
        latencies.add(seconds)
    exact.sort()
    for share in (0.5, 0.95, 0.99):
        assert latencies.percentile(share) == pytest.approx(exact[int(share * 20_000)], rel=0.06)


def test_without_a_count_there_is_no_percentile() -> None:
    assert Latencies().percentile(0.5) is None


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e9])
def test_times_beyond_the_buckets_count_at_their_ends(seconds: float) -> None:
    latencies = Latencies()
    latencies.add(seconds)
    assert latencies.count == 1
    assert latencies.percentile(0.99) is not None


def test_tiers_outcomes_and_failures_are_counted() -> None:
    clock = ManualClock()
    statistics = Statistics(clock)
    clock.advance(5)
    for hit in (True, True, True, False):
        statistics(TierRead("memory", hit, 1e-5))
    statistics(TierRead("database", True, 1e-5, count=7))
    assert statistics.tiers["database"].hits == statistics.tiers["database"].latencies.count == 7
    statistics(TierFailed("memory", "put", "full"))
    statistics(Served("s", "k", "hit", "memory", 1e-4))
    statistics(Served("s", "k", "stale", "memory", 1e-4, count=2))
    statistics(Failed("s", "k", "timeout", 1.0))
    memory = statistics.tiers["memory"]
    assert (memory.hits, memory.misses, memory.failures, memory.hit_ratio) == (3, 1, 1, 0.75)
    assert statistics.outcomes == {"hit": 1, "stale": 2}
    assert statistics.failures == {"timeout": 1}
    assert statistics.answers.count == 3
    assert statistics.uptime == 5
    assert statistics.tiers["redis"].hit_ratio is None


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
