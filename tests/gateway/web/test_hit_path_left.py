"""What the hit path leaves to the handler, and what it goes on to answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from email.utils import formatdate
from pathlib import Path

import msgspec
import orjson
import pytest

from gateway.config import Config
from gateway.events import Asked
from gateway.freshness import SUMMARY_RETRY
from gateway.web import encoding
from gateway.web.hit_path import HITS
from storage.withdrawals import Scope
from tests.clocks import ManualClock
from tests.gateway.web import modelled
from tests.gateway.web.raw_http import ASPIRIN, Raw, get, talk
from tests.gateway.web.seated import keyed, required
from tests.gateway.web.served import World
from tests.waiting import PATIENCE


@pytest.fixture
async def world(config: Config, clock: ManualClock) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await World.opened(stack, config, clock)


async def ask(world: World, request: bytes = get()) -> Raw:
    (raw,) = await talk(world.port, [request], 1)
    return raw


async def learned(world: World, request: bytes = get()) -> None:
    """Have *request* answered from its bytes from now on."""
    for _ in range(2):
        assert (await ask(world, request)).status == 200
    before = quick(world)
    assert (await ask(world, request)).status == 200
    assert quick(world) == before + 1


def quick(world: World) -> int:
    """Return how often the hit path has answered."""
    world.app[HITS].flush()
    return sum(count for event in world.told(Asked) for _, count in event.lookups)


def asked_by(world: World, tenant: str) -> int:
    """Return how often the hit path has answered *tenant*."""
    world.app[HITS].flush()
    told = [event for event in world.told(Asked) if event.tenant == tenant]
    return sum(count for event in told for _, count in event.lookups)


@pytest.mark.parametrize("share", ["tenant", "public"])
async def test_a_key_that_is_not_for_a_source_has_no_hit_of_it(
    config: Config, clock: ManualClock, share: str
) -> None:
    (whole,) = await keyed(config, "acme")
    (narrow,) = await keyed(config, "acme", sources=frozenset({"medicine"}))
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, required(config, share), clock)
        medicine = "/v1/search?source=medicine&q=x"
        await learned(world, get(ASPIRIN, whole))
        await learned(world, get(medicine, whole))
        for _ in range(2):
            assert (await ask(world, get(medicine, narrow))).status == 200
        before = quick(world)
        assert (await ask(world, get(medicine, narrow))).status == 200
        assert quick(world) == before + 1
        assert (await ask(world, get(ASPIRIN, narrow))).status == 404
        assert quick(world) == before + 1


async def test_what_something_else_was_withdrawn_after_is_a_hit_still(world: World) -> None:
    await learned(world)
    before = quick(world)
    await world.gateway.invalidations.withdraw(Scope("tag", "public", value="unheard-of"))
    assert (await ask(world)).status == 200
    assert quick(world) == before + 1
    await world.gateway.invalidations.withdraw(Scope("source", "public", "plain"))
    assert "fwd=miss" in (await ask(world)).headers["cache-status"]
    assert quick(world) == before + 1


async def test_what_was_dropped_takes_no_room_among_what_is_ready(world: World) -> None:
    await learned(world)
    ready = world.app[HITS]
    assert ready.size > 0
    await world.gateway.tiers.drop(list(world.gateway.tiers.memory._cache))
    assert "fwd=miss" in (await ask(world)).headers["cache-status"]
    assert ready.size == 0


async def test_a_hit_has_the_date_of_its_second(world: World, clock: ManualClock) -> None:
    await learned(world)
    before = quick(world)
    for seconds in (0, 90, -30, 0.75, 0.5):
        clock.advance(seconds)
        assert (await ask(world)).headers["date"] == formatdate(clock(), usegmt=True)
    assert quick(world) == before + 5


async def test_a_head_that_is_longer_than_most_is_read_by_the_parser_alone(world: World) -> None:
    long = [f"X-Long-{number}: {'a' * 4000}" for number in range(3)]
    for _ in range(4):
        assert (await ask(world, get(ASPIRIN, *long))).status == 200
    assert quick(world) == 0


async def test_a_hit_says_that_answers_differ_by_origin_where_origins_are_listed(
    config: Config, clock: ManualClock
) -> None:
    server = msgspec.structs.replace(config.server, cors=("https://a.example",))
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, msgspec.structs.replace(config, server=server), clock)
        await learned(world)
        before = quick(world)
        assert (await ask(world)).headers["vary"] == "Accept-Encoding, Origin"
        assert quick(world) == before + 1


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
async def test_a_hit_is_sent_in_the_coding_that_its_client_takes(world: World, coding: str) -> None:
    target = f"/v1/search?source=medicine&q={'aspirin' * 20}"
    plain = (await ask(world, get(target))).body
    assert len(plain) >= encoding.MIN_BYTES
    request = get(target, f"Accept-Encoding: {coding}")
    await learned(world, request)
    before = quick(world)
    hit = await ask(world, request)
    assert quick(world) == before + 1
    assert hit.headers["content-encoding"] == coding
    assert hit.body == encoding.encode(plain, coding)


async def test_a_hit_is_counted_for_the_tenant_that_asked(
    config: Config, clock: ManualClock
) -> None:
    async with AsyncExitStack() as stack:
        tenants = ("acme", "beta")
        keys = await keyed(config, *tenants)
        world = await World.opened(stack, required(config, "public"), clock)
        for key in keys:
            await learned(world, get(ASPIRIN, key))
        for tenant, key in zip(tenants, keys, strict=True):
            before = asked_by(world, tenant)
            await ask(world, get(ASPIRIN, key))
            assert asked_by(world, tenant) == before + 1


async def test_what_lacks_its_summary_is_never_ready(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        world = modelled.World(tmp_path, stack)
        await world.open()
        world.chat.status = 400
        for _ in range(4):
            async with world.answer() as response:
                lifetime = response.headers["Cache-Control"]
                assert orjson.loads(await response.read())["degraded"] == ["summary"]
            assert int(lifetime.removeprefix("max-age=")) <= SUMMARY_RETRY + PATIENCE
