from __future__ import annotations

from bench.bulk import report, run


def test_callers_are_answered_beside_a_bulk_run() -> None:
    found = run(lookups=60, rounds=1, seconds=0.5)
    ((alone, beside),) = found.pairs
    for outcome in (alone, beside):
        assert outcome.misses.served == outcome.misses.asked > 0
        assert outcome.hits.served == outcome.hits.asked > 0
    assert "misses" in report(found)
