from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.assembly import Gateway, open_gateway
from gateway.lookup import Lookup
from gateway.warming import Warmed
from gateway.warming.costs import Costs
from tests.clocks import ManualClock
from tests.gateway.warming.world import configured
from tests.stub_upstream import StubUpstream
from warmup.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with StubUpstream() as upstream, open_gateway(configured(tmp_path, upstream)) as opened:
        yield opened


def run(gateway: Gateway, to: io.StringIO) -> str:
    lookups, clock = [Lookup("s", f"{number}") for number in range(40)], ManualClock(0.0)
    progress = Progress(lookups, Costs(gateway.routes, gateway.money), to=to, clock=clock)
    for lookup in lookups:
        clock.advance(0.5)
        progress.tell(Warmed(lookup, "done"))
    return to.getvalue()


async def test_a_terminal_sees_a_bar_with_rate_costs_and_time(gateway: Gateway) -> None:
    drawn = run(gateway, Terminal()).split("\r\033[K")[1:]
    assert len(drawn) == 40
    assert drawn[19] == (
        "[############............] 20/40  2.0/s  $0.00 so far, $0.20 to come  0:10 left"
    )
    assert drawn[-1].endswith("40/40  2.0/s  $0.00 so far, $0.00 to come  0:00 left\n")


async def test_anything_else_gets_a_plain_line_now_and_then(gateway: Gateway) -> None:
    assert run(gateway, io.StringIO()).splitlines() == [
        "20/40  2.0/s  $0.00 so far, $0.20 to come  0:10 left",
        "40/40  2.0/s  $0.00 so far, $0.00 to come  0:00 left",
    ]
