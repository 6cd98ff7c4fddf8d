"""The bench of memory measures what it says, in small."""

from __future__ import annotations

import pytest

from bench import memory


def test_what_a_full_tier_takes_is_measured() -> None:
    # In a process of its own: what other tests have left is no part of it.
    taken = memory._alone(memory.taken, 32 << 20, 30_000, memory.BODY)
    assert taken.entries > 10_000
    assert 0.8 < taken.share < 1.15
    assert taken.more > 0


def test_looks_and_fills_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_TIMES", 200)
    cost = memory.cost(100)
    assert cost.entries == 100
    assert cost.look > 0
    assert cost.fill > 0
    assert cost.longest > 0
