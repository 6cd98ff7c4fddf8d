"""A connection while its plain lookup is being answered: what it reads, holds and gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gateway.config import Config
from gateway.events import Responded
from gateway.web import plain_connection
from gateway.web.plain_connection import MOST_HELD, PlainConnection
from tests.clocks import ManualClock
from tests.gateway.web.raw_http import get, talk
from tests.gateway.web.served import World
from tests.stub_upstream import Reply, StubUpstream
from tests.waiting import eventually

OTHER = "/v1/search?source=plain&q=other"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[PlainConnection]:
    """The connections, in the order in which they came."""
    found: list[PlainConnection] = []

    class Made(PlainConnection):
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            found.append(self)

    monkeypatch.setattr(plain_connection, "PlainConnection", Made)
    return found


@pytest.fixture
async def world(
    made: list[PlainConnection], config: Config, clock: ManualClock
) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await World.opened(stack, config, clock)


async def test_no_more_is_read_than_is_held_and_all_of_it_is_answered(
    world: World, upstream: StubUpstream, made: list[PlainConnection]
) -> None:
    upstream.gate.clear()
    small = get("/healthz", f"X-Long: {'a' * 4000}")
    count = MOST_HELD // len(small) + 100
    asking = asyncio.create_task(talk(world.port, [get(), *[small] * count], count + 1))
    await upstream.arrived(1)
    (connection,) = made
    assert connection.transport is not None
    transport: Any = connection.transport
    await eventually(lambda: not transport.is_reading())
    upstream.gate.set()
    statuses = [raw.status for raw in await asking]
    assert statuses == [200] * (count + 1)
    # What comes now is read too.
    (hit,) = await talk(world.port, [get()], 1)
    assert hit.status == 200


async def test_who_sits_goes_on_where_the_first_was_refused_and_stays(
    world: World, upstream: StubUpstream
) -> None:
    upstream.gate.clear()
    upstream.default = Reply(status=500)
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(get())
    await upstream.arrived(1)
    seated = asyncio.create_task(talk(world.port, [get()], 1))
    await eventually(lambda: world.gateway.flights.aside == 1)
    upstream.gate.set()
    assert (await reader.readline()).startswith(b"HTTP/1.1 502 ")
    async with asyncio.timeout(30):
        (raw,) = await seated
    assert raw.status == 502
    writer.close()


async def test_a_connection_that_closes_ends_with_its_answer_and_takes_nothing_further(
    world: World, upstream: StubUpstream, made: list[PlainConnection]
) -> None:
    upstream.gate.clear()
    asking = asyncio.create_task(talk(world.port, [get(), get("/healthz")], 2))
    await upstream.arrived(1)
    (connection,) = made
    await eventually(lambda: connection._held)
    connection.close()
    upstream.gate.set()
    async with asyncio.timeout(30):
        assert [raw.status for raw in await asking] == [200]


async def test_who_has_left_is_told_of_and_what_they_sent_meanwhile_is_not_read(
    world: World, upstream: StubUpstream, made: list[PlainConnection]
) -> None:
    for _ in range(2):  # what is held below would be a hit
        await talk(world.port, [get(OTHER)], 1)
    world.events.clear()
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    upstream.gate.clear()
    before = upstream.count
    _, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(get())
    await upstream.arrived(before + 1)
    connection = made[-1]
    for _ in range(MOST_HELD // 4000 + 1):
        writer.write(get(OTHER, f"X-Long: {'a' * 4000}"))
    await eventually(lambda: len(connection._held) > MOST_HELD)
    assert connection.transport is not None
    connection.transport.abort()  # nothing is read that could say so
    await eventually(lambda: connection.transport is None)
    upstream.gate.set()
    await eventually(lambda: connection._answering is None)
    assert [event.status for event in world.told(Responded)] == [200]
    assert faults == []
    writer.close()


async def test_what_takes_longer_than_an_end_may_take_is_ended(
    world: World, upstream: StubUpstream, made: list[PlainConnection]
) -> None:
    upstream.gate.clear()
    asking = asyncio.create_task(talk(world.port, [get()], 1))
    await upstream.arrived(1)
    (connection,) = made
    await connection.shutdown(0.01)
    assert await asking == []
    await eventually(lambda: world.told(Responded))
    assert [event.status for event in world.told(Responded)] == [499]
    upstream.gate.set()


async def test_a_plain_lookup_stands_at_the_door_until_it_is_known_what_it_needs(
    world: World, upstream: StubUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, tiers = world.gateway.resolver.shedding.door, world.gateway.tiers
    known, find = asyncio.Event(), tiers.find

    async def slow(key: str, **options: Any) -> Any:
        await known.wait()
        return await find(key, **options)

    monkeypatch.setattr(tiers, "find", slow)
    upstream.gate.clear()
    asking = asyncio.create_task(talk(world.port, [get()], 1))
    await eventually(lambda: door.inside == 1)
    known.set()
    await upstream.arrived(1)
    assert door.inside == 0
    upstream.gate.set()
    (raw,) = await asking
    assert raw.status == 200


async def test_a_connection_is_not_silent_until_a_while_after_its_answer(
    world: World, upstream: StubUpstream, made: list[PlainConnection]
) -> None:
    upstream.gate.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(get())
    await upstream.arrived(1)
    (connection,) = made

    def closes() -> bool:
        connection._next_keepalive_close_time = asyncio.get_running_loop().time() - 1
        connection._process_keepalive()
        return connection._force_close

    while_asking = closes()
    upstream.gate.set()
    await reader.readuntil(b"\r\n\r\n")
    assert [while_asking, closes(), closes()] == [False, False, True]
    writer.close()
