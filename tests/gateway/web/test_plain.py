"""What memory has not, answered without a parser: nothing else about it may differ."""

from __future__ import annotations

import asyncio
import io
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import msgspec
import orjson
import pytest
from aiohttp import web
from yarl import URL

from gateway.assembly import Gateway
from gateway.config import Config
from gateway.events import Events, Responded, Served
from gateway.logs import EventLog
from gateway.rates import ClientsSpec
from gateway.web.parameters import read_single
from gateway.web.plain import PLAIN
from gateway.web.plain_request import Plain, read_given
from gateway.web.problems import ProblemError
from gateway.web.seats import Asked
from tests.clocks import ManualClock
from tests.gateway.web.raw_http import ASPIRIN, Raw, get, talk
from tests.gateway.web.served import World
from tests.stub_upstream import Reply, StubUpstream


class Watched(World):
    """One of which it is known what was read without a parser."""

    def __init__(self, gateway: Gateway, app: web.Application, port: int) -> None:
        super().__init__(gateway, app, port)
        self.plain: list[Plain | None] = []
        """What was read of each request that was looked at."""
        self._read = app[PLAIN].requests.read
        app[PLAIN].requests.read = self.watched  # type: ignore[method-assign]

    def watched(self, asked: Asked) -> Plain | None:
        found = self._read(asked)
        self.plain.append(found)
        return found

    async def ask(self, *chunks: bytes, answers: int = 1) -> list[Raw]:
        return await talk(self.port, chunks, answers)

    async def forget(self) -> None:
        """Have memory hold nothing."""
        self.gateway.tiers.memory.clear()


async def opened(stack: AsyncExitStack, config: Config, clock: ManualClock) -> Watched:
    return await Watched.opened(stack, config, clock, Events(EventLog(time.monotonic)))


@pytest.fixture
async def world(config: Config, clock: ManualClock) -> AsyncIterator[Watched]:
    async with AsyncExitStack() as stack:
        yield await opened(stack, config, clock)


async def both(
    world: Watched,
    monkeypatch: pytest.MonkeyPatch,
    request: bytes,
    before: Callable[[], Awaitable[None]],
) -> tuple[Raw, Raw]:
    """Return what *request* is answered without a parser and with one, each after *before*."""
    await before()
    world.plain.clear()
    (quick,) = await world.ask(request)
    assert [found is not None for found in world.plain] == [True]
    await before()
    with monkeypatch.context() as without:
        without.setattr(world.app[PLAIN].requests, "read", lambda *_: None)
        (parsed,) = await world.ask(request)
    return quick, parsed


SHOWN = (
    (ASPIRIN, ()),
    (ASPIRIN, ("Accept-Encoding: br",)),
    (ASPIRIN, ("Accept-Encoding: gzip", "X-Request-Id: mine")),
    (ASPIRIN, ('If-None-Match: W/"other"',)),
    (f"{ASPIRIN}&limit=1&fields=name&summary=none", ("traceparent: 00-nonsense",)),
    ("/v1/search?q=%EC%95%84%20b+c&source=plain", ()),
    ("/v1/search?source=pharmacy&q=x&city=y&radius=20", ()),
    ("/v1/search?source=medicine&q=x", ()),
)


@pytest.mark.parametrize(("target", "lines"), SHOWN)
async def test_hits_of_the_database_are_answered_in_the_same_words(
    world: Watched,
    upstream: StubUpstream,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    lines: tuple[str, ...],
) -> None:
    upstream.default = Reply(records=[{"id": "1", "name": "one", "use": "use " * 400}])
    for _ in range(2):  # lines that differ each time are known from the second on
        await world.ask(get(target, *lines))
    quick, parsed = await both(world, monkeypatch, get(target, *lines), world.forget)
    assert quick.words == parsed.words
    assert quick.headers["cache-status"].endswith("; detail=database")
    if lines[1:]:
        assert quick.headers["x-request-id"] == "mine"
    names = [each.partition(";")[0] for each in quick.headers["server-timing"].split(", ")]
    assert names == ["lookup", "memory", "database"]


@pytest.mark.parametrize("seed", range(3))
def test_parameters_are_read_as_aiohttp_reads_them(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(2000):
        query = "".join(chance.choices("ab=&+%41~/:@,*'()!.-", k=chance.randrange(1, 14)))
        parsed = URL.build(path="/", query_string=query, encoded=True).query
        try:
            expected: object = read_single(parsed)
        except ProblemError as refused:
            expected = str(refused)
        try:
            found: object = read_given(query)
        except ProblemError as refused:
            found = str(refused)
        assert found == expected, query


async def test_who_has_it_already_is_told_so_and_who_has_many_goes_the_whole_way(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = await world.ask(get())
    tag = first.headers["etag"]
    for known in (tag, tag.removeprefix("W/")):
        request = get(ASPIRIN, f"If-None-Match: {known}")
        quick, parsed = await both(world, monkeypatch, request, world.forget)
        assert quick.status == 304
        assert quick.words == parsed.words
    world.plain.clear()
    for several in ("*", f'"a", {tag}'):
        await world.forget()
        (whole,) = await world.ask(get(ASPIRIN, f"If-None-Match: {several}"))
        assert whole.status == 304
    assert world.plain == [None, None]


async def test_misses_stale_answers_and_failures_are_answered_in_the_same_words(
    world: Watched, upstream: StubUpstream, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def anew() -> None:
        await world.gateway.tiers.drop([event.key for event in world.told(Served)])

    async def old() -> None:
        await world.forget()
        clock.advance(3 * 3600)  # neither is it given at once

    missed = await both(world, monkeypatch, get(), anew)
    upstream.default = Reply(records=[])
    found_nothing = "/v1/search?source=plain&q=aspiri"
    nothing = await both(world, monkeypatch, get(found_nothing), anew)
    upstream.default = Reply()
    await world.ask(get())
    upstream.default = Reply(status=500)
    failed = await both(world, monkeypatch, get("/v1/search?source=plain&q=other"), world.forget)
    stale = await both(world, monkeypatch, get(), old)
    assert [raw.status for raw, _ in (missed, nothing, failed, stale)] == [200, 200, 502, 200]
    assert b'"suggestions"' in nothing[0].body
    for quick, parsed in (missed, nothing, failed):
        assert quick.words == parsed.words
    for raw in stale:
        assert raw.headers["cache-status"].endswith("; detail=database")
        assert orjson.loads(raw.body)["degraded"] == ["stale"]


@pytest.mark.parametrize(
    "request_",
    [
        get("/v1/search?source=plain&q=x&nonsense=1"),
        get("/v1/search?source=nowhere&q=x"),
        get("/v1/search?source=plain&q=x&q=y"),
        get("/v1/search?source=plain&q=x#y"),
        get("/v1/search?source=plain&q=x;y"),
        get(ASPIRIN, "X-Session: abc"),
        get(ASPIRIN, "Origin: https://a.example"),
        get(ASPIRIN, "Accept-Encoding: *;q=0"),
        get(ASPIRIN, "Connection: close"),
        get(ASPIRIN, *(f"X-Long-{n}: {'a' * 4000}" for n in range(3))),
        get().replace(b"1.1", b"1.0"),
        get() * 2,
        get()[:-4],
    ],
)
async def test_what_is_not_plain_goes_the_whole_way(world: Watched, request_: bytes) -> None:
    await world.ask(get("/v1/search?source=plain&q=before"))
    world.plain.clear()
    chunks = [request_] if request_.endswith(b"\r\n\r\n") else [request_, b"\r\n\r\n"]
    (raw,) = await world.ask(*chunks)
    assert raw.status in (200, 400, 404, 406)
    assert set(world.plain) <= {None}


async def test_what_memory_has_is_learned_on_the_whole_way(world: Watched) -> None:
    for _ in range(4):
        await world.ask(get())
    # The first is a miss, the second is learned, and the rest are ready.
    assert [found is not None for found in world.plain] == [True, False]
    assert [event.tier for event in world.told(Served)] == ["", "memory"]


async def test_each_counts_in_the_limit_and_is_told_of_once(
    config: Config, clock: ManualClock
) -> None:
    async with AsyncExitStack() as stack:
        limited = msgspec.structs.replace(config, clients=ClientsSpec(rate="3/h"))
        world = await opened(stack, limited, clock)
        answers = []
        for _ in range(4):
            await world.forget()
            answers += await world.ask(get())
    assert [raw.status for raw in answers] == [200, 200, 200, 429]
    left = [raw.headers["ratelimit"].partition("r=")[2][0] for raw in answers]
    assert left == ["2", "1", "0", "0"]
    responses = world.told(Responded)
    assert [(event.status, event.tier) for event in responses] == [
        (200, "upstream"),
        (200, "database"),
        (200, "database"),
        (429, ""),
    ]
    assert [event.queries > 0 for event in responses] == [True, True, True, False]
    assert [event.outcome for event in world.told(Served)] == ["miss", "hit", "hit"]


async def test_every_line_about_a_request_says_whose_it_is(
    out: io.StringIO, world: Watched, upstream: StubUpstream
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    await world.ask(get(ASPIRIN, "traceparent: 00-1", "X-Request-Id: a"))
    upstream.default = Reply(status=500)
    lines = (f"traceparent: 00-{trace}-00f067aa0ba902b7-01", "X-Request-Id: r-7")
    world.plain.clear()
    await world.ask(get("/v1/search?source=plain&q=other", *lines))
    assert len([found for found in world.plain if found]) == 1
    told = [orjson.loads(line) for line in out.getvalue().splitlines()]
    of_it = [line for line in told if line.get("request_id") == "r-7"]
    assert {line["event"] for line in of_it} == {"upstream.failed", "lookup.failed", "request"}
    for line in of_it:
        members = [line[name] for name in ("trace_id", "source", "tenant", "who")]
        assert members == [trace, "plain", "public", "anyone"]
    (access,) = [line for line in of_it if line["event"] == "request"]
    assert (access["method"], access["path"], access["status"]) == ("GET", "/v1/search", 502)
    assert access["bytes"] > 0
    assert access["ms"] > 0


async def test_lines_without_a_trace_share_one_that_is_drawn(
    out: io.StringIO, world: Watched, upstream: StubUpstream
) -> None:
    upstream.default = Reply(status=500)
    await world.ask(get())
    told = [orjson.loads(line) for line in out.getvalue().splitlines()]
    assert len({line["trace_id"] for line in told}) == 1
    assert len({line["request_id"] for line in told}) == 1
    assert len(told) == 3


async def test_what_comes_meanwhile_is_answered_afterwards_in_order(
    world: Watched, upstream: StubUpstream
) -> None:
    upstream.gate.clear()
    body = b"x" * (300 << 10)
    post = b"POST /v1/nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    asking = asyncio.create_task(
        world.ask(get(), post + body, get("/v1/search?source=plain&q=b"), answers=3)
    )
    await upstream.arrived(1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert upstream.count == 1
    upstream.gate.set()
    first, second, third = await asking
    assert [first.status, second.status, third.status] == [200, 404, 200]
    assert orjson.loads(first.body)["query"] == "aspirin"
    assert orjson.loads(third.body)["query"] == "b"


async def test_who_leaves_cancels_nobody(world: Watched, upstream: StubUpstream) -> None:
    upstream.gate.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(get())
    await upstream.arrived(1)
    writer.transport.abort()
    staying = asyncio.create_task(world.ask(get()))
    async with asyncio.timeout(30):
        while world.gateway.flights.waiters + world.gateway.flights.aside < 2:
            await asyncio.sleep(0.001)
    upstream.gate.set()
    assert [raw.status for raw in await staying] == [200]
    assert upstream.count == 1


async def test_a_gateway_that_stops_answers_what_has_come_and_ends_the_connection(
    config: Config, clock: ManualClock, upstream: StubUpstream
) -> None:
    upstream.gate.clear()
    async with AsyncExitStack() as stack:
        world = await opened(stack, config, clock)
        asking = asyncio.create_task(world.ask(get(), answers=2))
        await upstream.arrived(1)
        asyncio.get_running_loop().call_later(0.05, upstream.gate.set)
    (raw,) = await asking
    assert raw.status == 200


async def test_what_nobody_expected_is_a_problem_and_one_log_line(
    out: io.StringIO, world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as within:
        within.setattr(world.gateway.resolver, "resolve", broken)
        (raw,) = await world.ask(get())
    assert raw.status == 500
    assert b"a fault of ours" not in raw.body
    assert orjson.loads(raw.body)["status"] == 500
    told = [orjson.loads(line) for line in out.getvalue().splitlines()]
    (crash,) = [line for line in told if line["event"] == "request.crashed"]
    assert crash["request_id"] == raw.headers["x-request-id"]
    assert [(event.status, event.tier) for event in world.told(Responded)] == [(500, "")]
    (after,) = await world.ask(get())
    assert after.status == 200
