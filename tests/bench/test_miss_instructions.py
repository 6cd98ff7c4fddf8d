from __future__ import annotations

import pytest

from bench import peers
from bench.miss_instructions import KINDS, report, serve


@pytest.mark.usefixtures("collector")
async def test_both_servers_answer_all_who_ask_without_a_socket() -> None:
    with peers.printed("bench.misses", "--serve", "0") as upstream:
        answered = [await serve(kind, upstream.port, 5) for kind in KINDS]
    assert answered == [5, 5]


def test_the_gateway_is_told_beside_the_bare_server() -> None:
    told = report({"bare": 800_000.0, "gateway": 2_000_000.0})
    assert "| gateway | 2,000,000 | 2.50 × |" in told.splitlines()
