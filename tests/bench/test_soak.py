from __future__ import annotations

from bench.soak import report, soak


async def test_a_soak_asks_answers_and_watches() -> None:
    seen = await soak(1.5, 30.0)
    assert seen.requests > 10
    assert seen.answered > 0.5
    assert seen.rss
    assert "| all | 100.00% |" in report(seen)
