from __future__ import annotations

from bench import hits, observability


def test_a_quick_run_measures_hits_misses_and_traces() -> None:
    traced = {"all traced": observability.SETTINGS["all traced"]}
    rows = observability.run(hits.QUICK, traced)
    assert [row.name for row in rows] == ["all traced", "hits that callers trace"]
    assert all(row.hit[0] > 0 and row.miss[0] > 0 for row in rows)
    assert sum(row.failed for row in rows) == 0
    told = observability.report(rows)
    assert "hits that callers trace" in told
    assert "+0.0" in told


def test_what_listeners_take_is_microseconds() -> None:
    took = observability.listeners(100)
    assert all(microseconds > 0 for microseconds in took.values())
