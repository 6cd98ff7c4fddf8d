from __future__ import annotations

from bench import redis


def test_a_quick_run_measures_both_and_tells_of_it() -> None:
    outcome = redis.run(redis.QUICK)
    assert min(outcome.tier.each_second, outcome.plain.each_second) > 0
    assert outcome.freezing_most > 0
    told = redis.report(outcome)
    assert "redis tier" in told
    assert "Redis frozen" in told
