"""What is said of plain lookups, in their heads and to those who count, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from email.utils import formatdate
from pathlib import Path

import msgspec
import orjson
import pytest

from gateway.config import Config
from gateway.events import Event, Responded, Served
from gateway.shedding import NOBODY
from gateway.web import plain
from gateway.web.plain import PLAIN
from gateway.web.plain_reply import Reply as Replied
from gateway.web.plain_request import Plain
from gateway.web.seats import Asked
from tests.clocks import ManualClock
from tests.gateway.web import modelled
from tests.gateway.web.raw_http import Raw, get, talk
from tests.gateway.web.served import World
from tests.stub_upstream import Reply, StubUpstream


@pytest.fixture
async def world(config: Config, clock: ManualClock) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await World.opened(stack, config, clock)


async def ask(world: World, request: bytes = get()) -> Raw:
    (raw,) = await talk(world.port, [request], 1)
    return raw


async def kept(world: World, request: bytes = get()) -> Raw:
    """Have the answer kept by the database alone; return what is said of it then."""
    await ask(world, request)
    world.gateway.tiers.memory.clear()
    raw = await ask(world, request)
    assert raw.headers["cache-status"].endswith("detail=database")
    return raw


async def test_a_head_has_the_time_and_what_it_differs_by(
    config: Config, clock: ManualClock
) -> None:
    server = msgspec.structs.replace(config.server, cors=("https://a.example",))
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, msgspec.structs.replace(config, server=server), clock)
        raw = await kept(world)
    assert raw.headers["vary"] == "Accept-Encoding, Origin"
    assert raw.headers["date"] == formatdate(clock(), usegmt=True)


async def test_a_refusal_says_when_to_come_back(world: World, upstream: StubUpstream) -> None:
    upstream.default = Reply(status=429, headers={"Retry-After": "70"})
    raw = await ask(world)
    assert raw.status == 503
    assert 60 <= int(raw.headers["retry-after"]) <= 70
    assert raw.headers["cache-control"] == "no-store"


async def test_nobody_waits_for_longer_than_a_caller_does(
    world: World, upstream: StubUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "CALLER_DEADLINE", 0.05)
    upstream.gate.clear()
    assert (await ask(world)).status == 504
    assert world.gateway.flights.count == 1
    upstream.gate.set()


async def test_what_waits_is_told_once_the_answer_is_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    lookups = world.app[PLAIN]
    answered = lookups.answer

    async def answer(*given: object) -> Replied:
        reply = await answered(*given)  # type: ignore[arg-type]
        order.append("answered")
        return reply

    def hear(event: Event) -> None:
        order.append(type(event).__name__)

    monkeypatch.setattr(lookups, "answer", answer)
    world.gateway.events.subscribe(hear, Served, Responded)
    await ask(world)
    assert order == ["answered", "Served", "Responded"]


async def test_who_is_answered_by_the_database_stands_at_the_door_no_longer(world: World) -> None:
    door = world.gateway.resolver.shedding.door
    await ask(world)
    world.gateway.tiers.memory.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(get())
    assert b"detail=database" in await reader.readuntil(b"\r\n\r\n")
    assert door.inside == 0
    writer.close()


async def test_a_lookup_that_is_ended_is_told_of_as_one_whose_client_has_gone(
    world: World, upstream: StubUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Plain] = []
    lookups = world.app[PLAIN]
    read = lookups.requests.read

    def watched(asked: Asked) -> Plain | None:
        one = read(asked)
        found.extend([] if one is None else [one])
        return one

    monkeypatch.setattr(lookups.requests, "read", watched)
    await ask(world)
    world.events.clear()
    world.gateway.tiers.memory.clear()
    await world.gateway.tiers.drop([found[0].search.lookup.key])
    upstream.gate.clear()
    answering = asyncio.create_task(lookups.answer(found[0], NOBODY))
    await upstream.arrived(2)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    upstream.gate.set()
    assert [(event.status, event.tier) for event in world.told(Responded)] == [(499, "")]


async def answered_by_model(
    world: modelled.World, targets: Sequence[str], *, forget: bool = False
) -> list[Raw]:
    assert world.address[1] is not None
    found = []
    for target in targets:
        if forget:
            world.gateway.tiers.memory.clear()
        found += await talk(world.address[1], [get(target)], 1)
    return found


async def test_who_wants_no_summary_has_none_written(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        world = modelled.World(tmp_path, stack)
        await world.open()
        target = "/v1/search?source=medicine&q=pill&summary=none"
        (raw,) = await answered_by_model(world, [target])
        assert (raw.status, orjson.loads(raw.body)["summary"]) == (200, None)
        assert world.chat.asked == []


async def test_an_answer_that_lacks_its_summary_is_held_on_to_by_nobody(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        world = modelled.World(tmp_path, stack)
        await world.open()
        world.chat.status = 400
        target = "/v1/search?source=medicine&q=pill"
        missed, hit = await answered_by_model(world, [target] * 2, forget=True)
    for raw in (missed, hit):
        assert orjson.loads(raw.body)["degraded"] == ["summary"]
        age = int(raw.headers["age"])
        assert raw.headers["cache-control"] in {f"max-age={age + left}" for left in range(31)}
    assert hit.headers["cache-status"].endswith("detail=database")
