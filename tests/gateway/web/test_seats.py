"""Who asks the same at the same time: one goes the whole way, and all are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import msgspec
import pytest

from gateway.config import Config
from gateway.events import Responded, Served
from gateway.rates import ClientsSpec
from gateway.web.seats import SEATS
from storage.withdrawals import Scope, Withdrawals
from tests.clocks import ManualClock
from tests.gateway.web.raw_http import ASPIRIN, get
from tests.gateway.web.seated import World, crowd, keyed, required
from tests.stub_upstream import Reply, StubUpstream


@pytest.fixture
async def world(config: Config, clock: ManualClock) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await World.opened(stack, config, clock)


async def test_a_crowd_is_answered_by_one_call_in_the_same_words(
    world: World, upstream: StubUpstream
) -> None:
    answers = await crowd(world, upstream, [get()] * 50)
    assert upstream.count == 1
    assert {raw.status for raw in answers} == {200}
    assert len({raw.body for raw in answers}) == 1
    assert len({raw.headers["x-request-id"] for raw in answers}) == 50
    statuses = [raw.headers["cache-status"] for raw in answers]
    assert statuses.count("lookup-gateway; fwd=miss; stored") == 1
    assert statuses.count("lookup-gateway; fwd=miss; stored; collapsed") == 49
    assert world.seated == world.gateway.flights.waiters == 0


async def test_a_seat_changes_no_word_of_the_answer(
    world: World, upstream: StubUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for target in (ASPIRIN, "/v1/search?source=medicine&q=x&limit=1&fields=name"):
        _, seated = await crowd(world, upstream, [get(target)] * 2)
        await world.ask(
            b'POST /v1/invalidate HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n{"all":true}'
        )
        with monkeypatch.context() as without:
            without.setattr(world.app[SEATS], "take", lambda *_: None)
            upstream.gate.clear()
            asking = asyncio.create_task(world.ask(get(target), get(target)))
            await world.waiting(2)
            upstream.gate.set()
            both = await asking
        (parsed,) = [raw for raw in both if "collapsed" in raw.headers["cache-status"]]
        assert seated.words == parsed.words


async def test_everybody_is_counted_and_told_of(world: World, upstream: StubUpstream) -> None:
    await crowd(world, upstream, [get()] * 20)
    assert world.served() == {"miss": 1, "collapsed": 19}
    responses = world.told(Responded)
    assert sum(event.count for event in responses) == 20
    assert {(event.status, event.tier) for event in responses} == {(200, "upstream")}
    assert world.gateway.statistics.outcomes["collapsed"] == 19
    shared = [event for event in world.told(Served) if event.outcome == "collapsed"]
    assert all(0 < event.seconds < 60 for event in shared)


async def test_each_has_their_own_coding_id_and_revalidation(
    world: World, upstream: StubUpstream
) -> None:
    upstream.default = Reply(records=[{"id": "1", "name": "one", "use": "use " * 400}])
    # A line that differs in each request is known by its spelling from the second on.
    (first,) = await world.ask(get(ASPIRIN, "X-Request-Id: first"))
    tag = first.headers["etag"]
    await world.gateway.tiers.drop([*world.gateway.tiers.memory._cache])
    lines = ["Accept-Encoding: br", "Accept-Encoding: gzip", "X-Request-Id: mine"]
    lines += [f"If-None-Match: {tag}", 'If-None-Match: W/"other"', "Accept-Encoding: *;q=0"]
    requests = [get(), *(get(ASPIRIN, line) for line in lines)]
    answers = await crowd(world, upstream, requests, len(requests) - 2)
    _, br, gzip, mine, same, other, refused = answers
    assert [raw.headers.get("content-encoding") for raw in (br, gzip, mine)] == ["br", "gzip", None]
    assert mine.headers["x-request-id"] == "mine"
    assert mine.body == first.body
    assert (same.status, same.body, other.status, refused.status) == (304, b"", 200, 406)


async def test_what_failed_is_told_to_everybody(world: World, upstream: StubUpstream) -> None:
    upstream.default = Reply(status=500)
    answers = await crowd(world, upstream, [get()] * 10)
    assert {raw.status for raw in answers} == {502}
    assert upstream.count == 1


async def test_who_sends_more_while_they_sit_is_answered_in_order(
    world: World, upstream: StubUpstream
) -> None:
    upstream.gate.clear()
    first = asyncio.create_task(world.ask(get()))
    await upstream.arrived(1)
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(get())
    while not world.seated:
        await asyncio.sleep(0.001)
    writer.write(get("/healthz"))
    while world.seated:
        await asyncio.sleep(0.001)
    upstream.gate.set()
    await first
    heads = [await reader.readuntil(b"\r\n\r\n")]
    size = int(heads[0].lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    await reader.readexactly(size)
    heads.append(await reader.readuntil(b"\r\n\r\n"))
    assert [b"Cache-Status" in head for head in heads] == [True, False]
    writer.close()


async def test_who_leaves_gives_up_the_seat_and_the_first_who_leaves_takes_nobody_along(
    world: World, upstream: StubUpstream
) -> None:
    upstream.gate.clear()
    gone = [await asyncio.open_connection("127.0.0.1", world.port) for _ in range(2)]
    gone[0][1].write(get())
    await upstream.arrived(1)
    gone[1][1].write(get())
    staying = asyncio.create_task(world.ask(get(), get()))
    while world.seated < 3:
        await asyncio.sleep(0.001)
    gone[1][1].transport.abort()
    while world.seated > 2:
        await asyncio.sleep(0.001)
    gone[0][1].transport.abort()
    while world.seated:
        await asyncio.sleep(0.001)
    upstream.gate.set()
    assert [raw.status for raw in await staying] == [200, 200]
    assert upstream.count == 1


async def test_who_comes_after_a_withdrawal_does_not_have_what_was_fetched_before_it(
    world: World, upstream: StubUpstream
) -> None:
    upstream.script(Reply(records=[{"id": "1", "name": "old"}]))
    upstream.default = Reply(records=[{"id": "1", "name": "new"}])
    upstream.gate.clear()
    early = asyncio.create_task(world.ask(get(), get()))
    while not world.seated:
        await asyncio.sleep(0.001)
    await upstream.arrived(1)
    await world.gateway.invalidations.withdraw(Scope("all", "public"))
    late = asyncio.create_task(world.ask(get()))
    while world.seated < 2:
        await asyncio.sleep(0.001)
    upstream.gate.set()
    assert [b"old" in raw.body for raw in await early] == [True, True]
    assert [b"new" in raw.body for raw in await late] == [True]


@pytest.mark.parametrize("heard", [False, True])
async def test_who_sits_asks_for_themselves_where_nobody_could_tell_what_was_withdrawn(
    world: World, upstream: StubUpstream, monkeypatch: pytest.MonkeyPatch, *, heard: bool
) -> None:
    upstream.gate.clear()
    monkeypatch.setattr(Withdrawals, "current", False)
    asking = asyncio.create_task(world.ask(get(), get()))
    while not world.seated:
        await asyncio.sleep(0.001)
    await upstream.arrived(1)
    if heard:
        # What is heard of later may have been acknowledged before they came.
        await world.gateway.invalidations.withdraw(Scope("all", "public"))
        monkeypatch.undo()
    upstream.gate.set()
    told_by = sorted(raw.headers["cache-status"].rpartition("; ")[2] for raw in await asking)
    assert told_by == (["fwd=miss", "stored"] if heard else ["detail=database", "stored"])
    assert upstream.count == 1 + heard


async def test_a_gateway_that_stops_answers_who_sits(
    config: Config, clock: ManualClock, upstream: StubUpstream
) -> None:
    upstream.gate.clear()
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, config, clock)
        asking = asyncio.create_task(world.ask(get(), get(), get()))
        while world.seated < 2:
            await asyncio.sleep(0.001)
        asyncio.get_running_loop().call_later(0.05, upstream.gate.set)
    assert {raw.status for raw in await asking} == {200}


@pytest.mark.parametrize(("share", "calls"), [("tenant", 2), ("public", 1)])
async def test_what_is_a_tenants_own_is_nobody_elses(
    config: Config, clock: ManualClock, upstream: StubUpstream, share: str, calls: int
) -> None:
    acme, other = await keyed(config, "acme", "other")
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, required(config, share), clock)
        # Whoever has not shown their key before goes the whole way.
        await world.ask(get("/v1/search?source=medicine&q=x", acme))
        await world.ask(get("/v1/search?source=medicine&q=x", other))
        before = upstream.count
        requests = [get(ASPIRIN, acme), get(ASPIRIN, other)] * 3
        answers = await crowd(world, upstream, requests, 6 - calls)
        assert {raw.status for raw in answers} == {200}
        assert upstream.count - before == calls
        (unknown,) = await world.ask(get(ASPIRIN, "Authorization: Bearer nobody"))
        assert unknown.status == 401
        told = [event for event in world.told(Served) if event.source == "plain"]
        for tenant in ("acme", "other"):
            assert sum(event.count for event in told if event.tenant == tenant) == 3


async def test_a_seat_counts_in_the_limit_of_who_has_it(
    config: Config, clock: ManualClock, upstream: StubUpstream
) -> None:
    clients = ClientsSpec(rate="5/h")
    async with AsyncExitStack() as stack:
        world = await World.opened(stack, msgspec.structs.replace(config, clients=clients), clock)
        answers = await crowd(world, upstream, [get()] * 12)
    assert sorted(raw.status for raw in answers) == [200] * 5 + [429] * 7
    left = [raw.headers["ratelimit"] for raw in answers if raw.status == 200]
    assert len(set(left)) == 5
