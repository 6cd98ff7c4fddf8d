from __future__ import annotations

from bench.crowd import measure


async def test_each_crowd_makes_one_call() -> None:
    found = await measure(rounds=1)
    assert {name: [each.calls for each in crowds] for name, crowds in found.items()} == {
        "1,000 cold lookups": [1],
        "10 waiters, failing": [1],
        "1,000 cold lookups, over HTTP": [1],
        "10 waiters, failing, over HTTP": [1],
    }
