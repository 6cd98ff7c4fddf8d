"""The hit path against the handler: two servers over one gateway, one of them without it."""

from __future__ import annotations

import os
import random
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from aiohttp import web

from adapters.sources.units import Size
from gateway.access.identity import READING, Proof, Scope
from gateway.access.keys import new_key
from gateway.access.spec import AccessSection
from gateway.assembly import Gateway, open_gateway
from gateway.config import Config
from gateway.events import Asked, Event, Served, TierRead
from gateway.rates import ClientsSpec
from gateway.web.app import make_app
from gateway.web.caller import Caller, make_caller
from gateway.web.hit_path import HITS, HitPath
from gateway.web.ready import Ready, make_ready
from gateway.web.server import listening
from storage.access import ApiKeyStore
from storage.database import open_database
from tests.clocks import ManualClock
from tests.gateway.web.raw_http import ASPIRIN, Raw, get, talk

TARGETS = (
    ASPIRIN,
    "/v1/search?q=%EC%95%84%EC%8A%A4%ED%94%BC%EB%A6%B0&source=plain",
    "/v1/search?source=medicine&q=aspirin",
    "/v1/search?source=medicine&q=aspirin&fields=id",
    "/v1/search?source=medicine&q=aspirin&limit=1&summary=none",
)
AT_ONCE = 30
SEEDS = int(os.environ.get("STREAM_SEEDS", "60"))
"""python -m bench differential asks for thousands."""


@dataclass
class Both:
    """One gateway behind two servers: *quick* has the hit path, *plain* has not."""

    gateway: Gateway
    app: web.Application
    quick: int
    plain: int
    clock: ManualClock

    @property
    def hits(self) -> HitPath:
        return self.app[HITS]

    async def ask(self, *chunks: bytes, answers: int = 1) -> list[Raw]:
        return await talk(self.quick, chunks, answers)

    async def agree(self, chunks: Sequence[bytes], answers: int) -> list[Raw]:
        """Send *chunks* to both; return what the quick one said, which is what the other says."""
        quick, plain = [await talk(at, chunks, answers) for at in (self.quick, self.plain)]
        assert [told(each) for each in quick] == [told(each) for each in plain], chunks
        return quick


def told(raw: Raw) -> tuple[int, dict[str, str], bytes]:
    """Return what does not differ from one server to the other."""
    status, headers, body = raw.words
    return status, headers, re.sub(rb'"at":"[^"]*"', b"", body)


@pytest.fixture
async def both(config: Config, clock: ManualClock) -> AsyncIterator[Both]:
    async with opened(config, clock) as both:
        for target in TARGETS:
            for _ in range(2):
                await both.ask(get(target), get(target, "Accept-Encoding: br"), answers=2)
                await talk(both.plain, [get(target)], 1)
        yield both


class opened:
    def __init__(self, config: Config, clock: ManualClock) -> None:
        self._config, self._clock, self._stack = config, clock, AsyncExitStack()

    async def __aenter__(self) -> Both:
        gateway = await self._stack.enter_async_context(
            open_gateway(self._config, clock=self._clock)
        )
        memory = msgspec.structs.replace(self._config.memory, ready_bytes=Size(0))
        without = replace(gateway, config=msgspec.structs.replace(self._config, memory=memory))
        apps = [make_app(each) for each in (gateway, without)]
        ports = [
            (await self._stack.enter_async_context(listening(app, "127.0.0.1", 0)))[1]
            for app in apps
        ]
        return Both(gateway, apps[0], ports[0], ports[1], self._clock)

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()


class Counted:
    """How often the hit path has answered, and what it told of it."""

    def __init__(self, both: Both) -> None:
        self._hits = both.hits
        self._hits.flush()
        self.events: list[Event] = []
        both.gateway.events.subscribe(self.events.append)

    @property
    def replies(self) -> int:
        self._hits.flush()
        asked = [event for event in self.events if isinstance(event, Asked)]
        return sum(count for event in asked for _, count in event.lookups)


@pytest.fixture
def counted(both: Both) -> Counted:
    return Counted(both)


@pytest.mark.parametrize("target", TARGETS)
async def test_a_hit_is_answered_from_its_bytes_with_the_same_words(
    both: Both, counted: Counted, target: str
) -> None:
    (raw,) = await both.agree([get(target)], 1)
    assert raw.status == 200
    assert raw.headers["cache-status"].endswith("detail=memory")
    assert counted.replies == 1


async def test_headers_that_differ_each_time_do_not_make_it_miss(
    both: Both, counted: Counted
) -> None:
    for number in range(5):
        lines = (f"traceparent: 00-{number:032x}-{number:016x}-01", f"X-Request-Id: r{number}")
        (raw,) = await both.agree([get(TARGETS[0], *lines, f"User-Agent: a{number}")], 1)
        assert raw.headers["x-request-id"] == f"r{number}"
    assert counted.replies >= 3


async def test_codings_and_revalidation_are_answered_from_bytes_too(
    both: Both, counted: Counted
) -> None:
    (plain,) = await both.agree([get(TARGETS[2])], 1)
    tag = plain.headers["etag"]
    await both.agree([get(TARGETS[2], "Accept-Encoding: br")], 1)
    (same,) = await both.agree([get(TARGETS[2], f"If-None-Match: {tag}")], 1)
    assert (same.status, same.body) == (304, b"")
    assert counted.replies == 3
    (other,) = await both.agree([get(TARGETS[2], 'If-None-Match: W/"x"')], 1)
    assert other.status == 200


async def test_age_and_ttl_go_on_with_the_clock(both: Both, counted: Counted) -> None:
    for seconds in (0, 1, 10.7, 1000):
        both.clock.advance(seconds)
        await both.agree([get()], 1)
    assert counted.replies == 4


async def test_a_stale_entry_is_left_to_the_handler(both: Both, counted: Counted) -> None:
    both.clock.advance(3601)
    (raw,) = await both.ask(get())
    assert b'"stale"' in raw.body
    assert counted.replies == 0


async def test_an_entry_that_was_dropped_is_asked_for_again(both: Both, counted: Counted) -> None:
    keys = list(both.gateway.tiers._memory._cache)
    await both.gateway.tiers.drop(keys)
    (raw,) = await both.ask(get())
    assert raw.headers["cache-status"].startswith("lookup-gateway; fwd=miss")
    assert counted.replies == 0


async def test_an_entry_that_was_replaced_is_told_as_it_is_now(
    both: Both, counted: Counted
) -> None:
    both.clock.advance(5)
    body = b'{"source":"plain","q":"aspirin"}'
    post = b"POST /v1/refresh HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    (fresh,) = await both.ask(post + body)
    assert fresh.status == 200
    (raw,) = await both.agree([get()], 1)
    assert raw.headers["age"] == "0"


async def test_every_hit_is_counted_and_told_in_one_batch(both: Both, counted: Counted) -> None:
    for _ in range(7):
        await both.ask(get())
    both.hits.flush()
    served = [event for event in counted.events if isinstance(event, Served)]
    reads = [event for event in counted.events if isinstance(event, TierRead) and event.hit]
    assert [(event.outcome, event.tier, event.count) for event in served] == [("hit", "memory", 7)]
    assert [(event.tier, event.count) for event in reads] == [("memory", 7)]
    assert both.gateway.statistics.tiers["memory"].hits >= 7


STREAMS = {
    "hit": get(),
    "coded": get(TARGETS[2], "Accept-Encoding: gzip"),
    "traced": get(TARGETS[3], "traceparent: 00-1-2-01", "X-Request-Id: abc"),
    "head": get(method="HEAD", target="/healthz").replace(b"HEAD", b"GET"),
    "missing": get("/v1/nothing"),
    "wrong": get("/v1/search?source=plain"),
    "post": b'POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n{"lookups": []}',
    "chunked": b"POST /v1/search HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'f\r\n{"lookups": []}\r\n0\r\n\r\n',
    "body on a get": get(TARGETS[0], "Content-Length: 3") + b"abc",
    "keep-alive": get(TARGETS[0], "Connection: keep-alive"),
}
LAST = {
    "closing": get(TARGETS[0], "Connection: close"),
    "old": get(version="1.0"),
    "no host": b"GET /v1/search?source=plain&q=aspirin HTTP/1.1\r\n\r\n",
    "two hosts": get(TARGETS[0], "Host: b"),
    "not http": b"nonsense\r\n\r\n",
    "bare feeds": get().replace(b"\r\n", b"\n"),
    "folded": get(TARGETS[0], "X-Fold: a\r\n b"),
    "spaced": get(TARGETS[0], "Name : b"),
    "null": get(TARGETS[0], "Name: a\0b"),
    "other version": get(version="2.0"),
    "long": get(TARGETS[0], "X-Long: " + "a" * 9000),
}


async def test_a_stream_may_be_cut_at_any_byte(both: Both, counted: Counted) -> None:
    stream = get() + STREAMS["post"] + STREAMS["traced"]
    for cut in range(1, len(stream)):
        answers = await both.agree([stream[:cut], stream[cut:]], 3)
        assert len(answers) == 3
    assert counted.replies > 0


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
async def test_any_stream_gets_the_answers_that_it_would_get_without(
    both: Both, counted: Counted, first: int
) -> None:
    for seed in range(first, first + AT_ONCE):
        await both.agree(*drawn(random.Random(seed)))
    assert counted.replies > 0


def drawn(chance: random.Random) -> tuple[list[bytes], int]:
    """Return a stream of messages, cut somewhere, and how many answers it gets."""
    names = chance.choices(list(STREAMS), k=chance.randint(1, 6))
    messages = [STREAMS[name] for name in names]
    if chance.random() < 0.5:
        messages.append(LAST[chance.choice(list(LAST))])
    stream = b"".join(messages)
    style = chance.choice(["messages", "pipelined", "cuts"])
    if style == "messages":
        return messages, len(messages)
    cuts = []
    if style == "cuts":
        cuts = sorted(chance.sample(range(1, len(stream)), k=min(5, len(stream) - 1)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    return chunks, len(messages)


def required(config: Config, **changes: Any) -> Config:
    access = AccessSection(mode="required", token_secret="s" * 32)
    return msgspec.structs.replace(config, access=access, **changes)


async def make_key(config: Config, **changes: Any) -> tuple[ApiKeyStore, str, str]:
    """Make a key; return its table, its id and the line that shows it."""
    key, shown = new_key("acme", READING, created=1.0)
    store = ApiKeyStore((await open_database(config.database.url)).database)
    await store.add(replace(key, **changes).row)
    return store, key.id, f"Authorization: Bearer {shown}"


async def test_a_revoked_or_unknown_or_narrow_key_is_not_answered(
    config: Config, clock: ManualClock
) -> None:
    store, number, shows = await make_key(config)
    _, _, narrow = await make_key(config, scopes=frozenset({Scope.SUGGEST}))
    _, _, other = await make_key(config, tenant="beta")
    async with opened(required(config), clock) as both:
        for _ in range(3):
            await both.ask(get(TARGETS[0], shows))
        counted = Counted(both)
        assert (await both.ask(get(TARGETS[0], shows)))[0].status == 200
        assert counted.replies == 1
        for lines, status in (((), 401), ((narrow,), 403), (("Authorization: Bearer x",), 401)):
            assert (await both.agree([get(TARGETS[0], *lines)], 1))[0].status == status
        (theirs,) = await both.ask(get(TARGETS[0], other))
        assert "fwd=miss" in theirs.headers["cache-status"]
        await store.revoke(number, clock())
        ring = both.gateway.access.authenticator._keys  # type: ignore[attr-defined]
        await ring.load()
        assert (await both.ask(get(TARGETS[0], shows)))[0].status == 401
        assert counted.replies == 1
    await store._database.close()


async def test_a_limit_that_is_reached_is_seen_by_the_next_request(
    config: Config, clock: ManualClock
) -> None:
    limited = msgspec.structs.replace(config, clients=ClientsSpec(rate="5/h"))
    async with opened(limited, clock) as both:
        raws = [(await both.ask(get()))[0] for _ in range(6)]
    assert [raw.status for raw in raws] == [200] * 5 + [429]
    assert [raw.headers["ratelimit"].split(";")[1] for raw in raws[:5]] == [
        f"r={left}" for left in (4, 3, 2, 1, 0)
    ]


def _never_stale(*given: Any) -> Ready:
    return replace(make_ready(*given), until=float("inf"))


def _headless(*given: Any) -> Ready:
    ready = make_ready(*given)
    first = ready.form.lifetime.replace(b"X-Content-Type-Options: nosniff\r\n", b"")
    return replace(ready, form=replace(ready.form, lifetime=first))


def _young(*given: Any) -> Ready:
    return replace(make_ready(*given), at=1e12)


def _believed(proof: Proof, *given: Any) -> Caller:
    return make_caller(Proof(proof.identity, float("inf")), *given)


@pytest.mark.interpreted
@pytest.mark.parametrize("broken", [_never_stale, _headless, _young])
async def test_a_hit_path_that_tells_something_else_is_found(
    both: Both, broken: Callable[..., Ready], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.web.hit_path.make_ready", broken)
    target = "/v1/search?source=plain&q=other"
    for _ in range(2):
        await both.ask(get(target))
    both.clock.advance(4000 if broken is _never_stale else 10)
    with pytest.raises(AssertionError):
        await both.agree([get(target)], 1)


@pytest.mark.interpreted
async def test_a_hit_path_that_forgets_the_unchanged_is_found(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = (await both.ask(get()))[0].headers["etag"]
    monkeypatch.setattr(Ready, "unchanged", lambda *_: b"HTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(AssertionError):
        await both.agree([get(TARGETS[0], f"If-None-Match: {tag}")], 1)


@pytest.mark.interpreted
async def test_a_hit_path_that_serves_what_was_replaced_is_found(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    await both.ask(get())
    [old] = [ready.kept.json for ready in both.hits._ready.values() if ready.view == ""][:1]
    both.clock.advance(5)
    monkeypatch.setattr("storage.tiers.Tiers.stands", lambda *_: True)
    await both.gateway.tiers.drop(list(both.gateway.tiers.memory._cache))
    for ready in both.hits._ready.values():
        ready.kept.json = ready.kept.json or old
    with pytest.raises(AssertionError):
        await both.agree([get()], 1)


@pytest.mark.interpreted
async def test_a_hit_path_that_believes_revoked_keys_is_found(
    config: Config, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, number, shows = await make_key(config)
    monkeypatch.setattr("gateway.web.recognition.make_caller", _believed)
    async with opened(required(config), clock) as both:
        for _ in range(3):
            await both.ask(get(TARGETS[0], shows))
        await talk(both.plain, [get(TARGETS[0], shows)], 1)
        authenticator = both.gateway.access.authenticator
        await both.agree([get(TARGETS[0], shows)], 1)
        await store.revoke(number, clock())
        await authenticator._keys.load()  # type: ignore[attr-defined]
        with pytest.raises(AssertionError):
            await both.agree([get(TARGETS[0], shows)], 1)
    await store._database.close()
