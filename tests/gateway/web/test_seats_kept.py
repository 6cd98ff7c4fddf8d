"""Who may sit where another is answered, and for how long a seat is kept."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import msgspec
import orjson
import pytest

from gateway.config import Config
from gateway.events import Responded
from gateway.web import seats as tables
from gateway.web.seats import SEATS, Seats, Table
from storage.withdrawals import Scope
from tests.clocks import ManualClock
from tests.gateway.web.raw_http import ASPIRIN, get
from tests.gateway.web.seated import World, crowd, keyed, required
from tests.stub_upstream import Reply, StubUpstream
from tests.waiting import eventually

MANY = 'If-None-Match: "a", "b"'
"""It is answered the whole way."""


@pytest.fixture
async def world(config: Config, clock: ManualClock) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await World.opened(stack, config, clock)


async def test_who_may_not_ask_a_source_has_no_seat_where_another_is_answered(
    config: Config, clock: ManualClock, upstream: StubUpstream
) -> None:
    (whole,) = await keyed(config, "acme")
    (narrow,) = await keyed(config, "acme", sources=frozenset({"medicine"}))
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, required(config, "public"), clock)
        for shown in (whole, narrow):
            (known,) = await world.ask(get("/v1/search?source=medicine&q=x", shown))
            assert known.status == 200
        upstream.gate.clear()
        before = upstream.count
        first = asyncio.create_task(world.ask(get(ASPIRIN, whole)))
        await upstream.arrived(before + 1)
        asking = asyncio.create_task(world.ask(get(ASPIRIN, narrow)))
        await eventually(lambda: asking.done() or world.seated)
        upstream.gate.set()
        assert [raw.status for raw in await asking] == [404]
        assert [raw.status for raw in await first] == [200]


async def test_who_sits_is_answered_though_something_else_was_withdrawn_meanwhile(
    world: World, upstream: StubUpstream
) -> None:
    upstream.gate.clear()
    first = asyncio.create_task(world.ask(get()))
    await upstream.arrived(1)
    await world.gateway.invalidations.withdraw(Scope("tag", "public", value="unheard-of"))
    late = asyncio.create_task(world.ask(get(), get()))
    await eventually(lambda: world.seated == 2)
    upstream.gate.set()
    answers = [*await first, *await late]
    told = [raw.headers["cache-status"].rpartition("; ")[2] for raw in answers]
    assert told == ["stored", "collapsed", "collapsed"]
    assert upstream.count == 1


async def test_who_sat_asks_again_on_the_same_connection(
    world: World, upstream: StubUpstream
) -> None:
    upstream.gate.clear()
    first = asyncio.create_task(world.ask(get()))
    await upstream.arrived(1)
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(get())
    await eventually(lambda: world.seated == 1)
    upstream.gate.set()
    await first
    heads = []
    for request in (get("/healthz"), get()):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        size = int(heads[-1].lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(size)
        writer.write(request)
    heads.append(await reader.readuntil(b"\r\n\r\n"))
    found = [each.partition(b"Cache-Status: ")[2].partition(b"\r\n")[0] for each in heads]
    told = [each.rpartition(b"; ")[2] for each in found]
    assert told == [b"collapsed", b"", b"detail=memory"]
    writer.close()


@pytest.mark.parametrize("line", ["Accept: */*", MANY])
async def test_who_sits_has_the_names_that_come_near_to_what_found_nothing(
    world: World, upstream: StubUpstream, line: str
) -> None:
    await world.ask(get())
    upstream.default = Reply(records=[])
    target = "/v1/search?source=plain&q=aspiri"
    before = upstream.count
    upstream.gate.clear()
    first = asyncio.create_task(world.ask(get(target, line)))
    await upstream.arrived(before + 1)
    others = asyncio.create_task(world.ask(*[get(target)] * 3))
    await eventually(lambda: world.seated == 3)
    upstream.gate.set()
    answers = [*await first, *await others]
    assert {raw.status for raw in answers} == {200}
    named = [orjson.loads(raw.body).get("suggestions", [{}])[0].get("name") for raw in answers]
    assert named == ["aspirin"] * 4


async def test_no_more_sit_than_may_wait(
    config: Config, clock: ManualClock, upstream: StubUpstream
) -> None:
    flights = msgspec.structs.replace(config.flights, waiters=3)
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, msgspec.structs.replace(config, flights=flights), clock)
        upstream.gate.clear()
        first = asyncio.create_task(world.ask(get()))
        await upstream.arrived(1)
        others = [asyncio.create_task(world.ask(get())) for _ in range(5)]
        await eventually(lambda: world.seated + sum(each.done() for each in others) == 5)
        upstream.gate.set()
        statuses = [raw.status for each in (first, *others) for raw in await each]
    assert statuses[0] == 200
    assert sorted(statuses) == [200] * 3 + [503] * 3


async def test_who_sits_is_told_of_with_their_status_and_a_line_of_their_own(
    config: Config, clock: ManualClock, upstream: StubUpstream, out: io.StringIO
) -> None:
    server = msgspec.structs.replace(config.server, cors=("https://a.example",))
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, msgspec.structs.replace(config, server=server), clock)
        (known,) = await world.ask(get())
        await world.gateway.tiers.drop([*world.gateway.tiers.memory._cache])
        out.truncate(0)
        out.seek(0)
        world.events.clear()
        same = f"If-None-Match: {known.headers['etag']}"
        answers = await crowd(world, upstream, [get(), *[get(ASPIRIN, same)] * 20], 20)
        assert sorted(raw.status for raw in answers) == [200] + [304] * 20
        assert {raw.headers["vary"] for raw in answers} == {"Accept-Encoding, Origin"}
        told = world.told(Responded)
        assert sum(event.count for event in told if event.status == 304) == 20

        def lines() -> list[int]:
            every = [orjson.loads(line) for line in out.getvalue().splitlines()]
            return sorted(line["status"] for line in every if line["event"] == "request")

        await eventually(lambda: len(lines()) == 21)
        assert lines() == [200] + [304] * 20


class Waiting:
    """A guest who leaves when they are told to go on."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats
        self.gone = False
        self.table = seats.take(self, get(), "127.0.0.1")

    def answered(self, reply: bytes) -> None:
        raise AssertionError(reply)

    def go_on(self) -> None:
        assert self.table is not None
        self._seats.leave(self, self.table)
        self.gone = True


async def test_a_crowd_goes_on_some_at_a_time_and_whoever_comes_then_has_a_table_of_their_own(
    world: World,
) -> None:
    seats = world.app[SEATS]

    def come() -> tuple[Waiting, Table]:
        guest = Waiting(seats)
        assert guest.table is not None
        return guest, guest.table

    first, table = come()
    assert table.first is first
    others = [come()[0] for _ in range(tables.AT_ONCE + 1)]
    seats.clear(table)
    assert [guest.gone for guest in others] == [True] * tables.AT_ONCE + [False]
    second, new = come()
    assert new.first is second
    await eventually(lambda: others[-1].gone)
    later, theirs = come()
    assert theirs is new
    later.go_on()
    assert world.seated == 0
