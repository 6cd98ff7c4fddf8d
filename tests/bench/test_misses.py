from __future__ import annotations

import asyncio

import pytest

from bench import client, misses
from bench.misses import Round


def test_a_crowd_is_answered_by_both_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "apart", lambda *given: asyncio.run(client.play(*given)))
    found = misses.run(rounds=1, many=5)
    assert {case: [*servers] for case, servers in found.items()} == {
        "identical": [*misses.SERVERS],
        "distinct": [*misses.SERVERS],
    }
    assert all(
        each.milliseconds >= misses.DELAY * 1000 and each.cpu > 0
        for servers in found.values()
        for rounds in servers.values()
        for each in rounds
    )


def test_ratios_are_of_medians_against_the_bare_server() -> None:
    bare = [Round(400.0, 100.0), Round(500.0, 90.0), Round(9000.0, 5000.0)]
    ours = [Round(1000.0, 50.0)]
    text = misses.report({"distinct": dict(zip(misses.SERVERS, (bare, ours), strict=True))}, 5)
    assert "| distinct | gateway | 1000 | 2.00 × | 50 | 0.50 × |" in text
