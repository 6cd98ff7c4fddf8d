from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.assembly import Gateway, open_gateway
from gateway.events import Fetched, Summarized
from gateway.lookup import Lookup
from gateway.warming import Warmed
from gateway.warming.costs import Costs, Price
from gateway.window import read_window
from tests.clocks import ManualClock
from tests.gateway.warming.world import configured
from tests.stub_upstream import StubUpstream
from warmup.admission import Admission


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with StubUpstream() as upstream, open_gateway(configured(tmp_path, upstream)) as opened:
        yield opened


def fetched(lookup: Lookup) -> Fetched:
    return Fetched("s", lookup.key, 1, 0.1)


async def test_what_is_spent_and_what_is_being_loaded_must_fit_into_the_budget(
    gateway: Gateway,
) -> None:
    costs, clock = Costs(gateway.routes, gateway.money), ManualClock()
    told: list[str] = []
    admission = Admission(costs, budget=0.025, window=None, clock=clock, say=told.append)
    first, second, third = (Lookup("s", text) for text in "abc")
    assert await admission.admit(first) == ""
    assert await admission.admit(second) == ""
    assert await admission.admit(third) == "the budget of $0.025 has no room for it"
    admission.ended(Warmed(second, "skipped"))
    assert await admission.admit(third) == ""
    for lookup in (first, third):
        costs(fetched(lookup))
        admission.ended(Warmed(lookup, "done"))
    assert (costs.calls, costs.spent.usd) == (2, 0.02)
    assert await admission.admit(second) != ""


async def test_nothing_is_loaded_before_the_window_opens(gateway: Gateway) -> None:
    told, clock = list[str](), ManualClock(1_800_000_000.0)  # 08:00 in UTC

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    admission = Admission(
        Costs(gateway.routes, gateway.money),
        budget=None,
        window=read_window("08:15-09:00"),
        clock=clock,
        say=told.append,
        sleep=sleep,
    )
    assert await admission.admit(Lookup("s", "a")) == ""
    assert clock() == 1_800_000_900.0
    assert told[0] == "waiting 0 h 15 min for the window to open"


async def test_a_summary_is_taken_to_cost_what_the_others_of_its_source_did(
    gateway: Gateway,
) -> None:
    costs, lookup = Costs(gateway.routes, gateway.money), Lookup("s", "a")
    assert costs.of([lookup, lookup]) == Price(20_000_000)
    costs(Summarized("s", lookup.key, "openai:m", 1.0, 10, 3, 0, "m", 0.5))
    costs(Summarized("s", lookup.key, "openai:m", 1.0, 10, 3, 0, "m", None))
    assert costs.spent == Price(500_000_000, unknown=1)
    assert str(costs.spent) == "$0.50 and 1 summaries at an unknown price"
    assert str(Price(1_000_000)) == "$0.0010"
