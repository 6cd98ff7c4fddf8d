from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.assembly import Gateway, open_gateway
from gateway.config.warmup import AheadSpec
from gateway.warming import warming_on_start
from gateway.warming.ahead import Ahead
from tests.clocks import ManualClock
from tests.gateway.warming.world import ask, asked, asking, configured
from tests.stub_upstream import Reply, StubUpstream

SPEC = AheadSpec(second_usd=10.0)


@pytest.fixture
async def upstream() -> AsyncIterator[StubUpstream]:
    async with StubUpstream(Reply(echo=True, delay=0.02)) as stub:
        yield stub


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def gateway(
    tmp_path: Path, upstream: StubUpstream, clock: ManualClock
) -> AsyncIterator[Gateway]:
    async with open_gateway(configured(tmp_path, upstream), clock=clock) as opened:
        yield opened


async def test_what_is_popular_is_renewed_shortly_before_it_expires_and_not_sooner(
    gateway: Gateway, upstream: StubUpstream, clock: ManualClock
) -> None:
    await ask(gateway, *["often"] * 60, "once")
    ahead = Ahead(gateway, SPEC)
    upstream.calls.clear()
    assert await ahead.sweep() == 0
    clock.advance(3600 - 80)
    assert await ahead.sweep() == 1
    assert asked(upstream) == ["often"]
    assert await ahead.sweep() == 0
    clock.advance(100)
    answer = await gateway.resolver.resolve(asking(gateway, "often"))
    assert (answer.outcome, answer.age) == ("hit", 100)


async def test_what_is_not_worth_its_price_is_left_to_expire(
    gateway: Gateway, upstream: StubUpstream, clock: ManualClock
) -> None:
    await ask(gateway, *["often"] * 60)
    clock.advance(3600 - 50)
    assert await Ahead(gateway, AheadSpec(second_usd=0.0)).sweep() == 0
    assert len(upstream.calls) == 1


async def test_what_another_replica_has_renewed_is_taken_from_it(
    tmp_path: Path, gateway: Gateway, upstream: StubUpstream, clock: ManualClock
) -> None:
    await ask(gateway, *["often"] * 60)
    async with open_gateway(configured(tmp_path, upstream), clock=clock) as other:
        await other.resolver.resolve(asking(other, "often"))
        clock.advance(3600 - 50)
        assert await Ahead(gateway, SPEC).sweep() == 1
        assert await Ahead(other, SPEC).sweep() == 0
        held = other.tiers.peek(asking(other, "often").key)
    assert held is not None
    assert clock() - held.records.at < 1
    assert len(upstream.calls) == 2


async def test_a_renewal_that_fails_leaves_what_is_kept(
    gateway: Gateway, upstream: StubUpstream, clock: ManualClock
) -> None:
    await ask(gateway, *["often"] * 60)
    clock.advance(3600 - 50)
    upstream.default = Reply(status=500)
    assert await Ahead(gateway, SPEC).sweep() == 0
    assert (await gateway.resolver.resolve(asking(gateway, "often"))).outcome == "hit"


async def test_the_gateway_looks_by_itself(
    tmp_path: Path, upstream: StubUpstream, clock: ManualClock
) -> None:
    warm = {"on_start": False, "ahead": {"on": True, "every": "20ms", "second_usd": 10.0}}
    config = configured(tmp_path, upstream, warm=warm)
    async with open_gateway(config, clock=clock) as gateway, warming_on_start(gateway):
        await ask(gateway, *["often"] * 60)
        clock.advance(3600 - 0.02)
        await upstream.arrived(2)
