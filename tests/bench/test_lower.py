from __future__ import annotations

import asyncio
import random
import urllib.request

import pytest

from bench import client, lower, peers
from bench.lower import Pair, Plan, Side
from bench.peers import Served
from bench.requests import Requests


def pair(tier: str, bare: Side, ours: Side) -> Pair:
    return Pair(tier, bare, ours, Requests(["a"], 1, random.Random(1)))


def test_hits_in_sqlite_are_measured_beside_the_bare_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "apart", lambda *given: asyncio.run(client.play(*given)))
    plan = Plan(rounds=2, drawn=8, tokens=2)
    with (
        peers.printed("bench.bare") as upstream,
        lower.serving("sqlite", upstream.port, plan) as found,
    ):
        found.measure(plan)
        _, target, rest = found.requests.of(plan.names - 1).decode().split(" ", 2)
        token = rest.partition("Bearer ")[2].partition("\r\n")[0]
        url = f"http://127.0.0.1:{found.ours.served.port}{target}"
        headers = {"Authorization": f"Bearer {token}"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            assert answer.headers["Cache-Status"].endswith("detail=database")
            length = len(answer.read())
    for side in (found.bare, found.ours):
        assert side.failed == 0
        assert len(side.cpu) == len(side.p50) == len(side.p99) == plan.rounds
        assert min(side.cpu + side.p50) > 0
    assert abs(length - lower.BYTES) < lower.BYTES / 10


def test_each_round_is_compared_with_its_own() -> None:
    nobody = Served(0, 0)
    bare = Side(nobody, [100.0, 300.0, 200.0], [1.0] * 3, [50.0] * 3)
    ours = Side(nobody, [150.0, 600.0, 300.0], [2.0] * 3, [25.0] * 3, failed=2)
    told = lower.report([pair("redis", bare, ours)])
    assert "| redis | redis-py GET | 200 | 300 | 1.50 × | 2.00 × | 50 | 25 | 0.50 × |" in told
    assert "2 requests failed." in told
