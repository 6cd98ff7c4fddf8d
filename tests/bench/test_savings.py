from __future__ import annotations

from bench import savings
from bench.popularity import zipf


async def test_warming_makes_fewer_wait_and_every_bill_is_smaller_than_without() -> None:
    without, cold, restarted, warmed = await savings.bills(zipf(200, 800), 400, 100)
    assert (without.calls, round(without.usd, 4)) == (400, 0.64)
    assert cold.calls == cold.summaries <= cold.waited < 200
    assert warmed.waited < restarted.waited <= cold.waited
    assert warmed.memory > cold.memory
    assert max(cold.usd, restarted.usd, warmed.usd) < without.usd / 2
