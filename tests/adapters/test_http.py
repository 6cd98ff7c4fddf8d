from __future__ import annotations

import asyncio
import gzip
import time

import pytest
from aiohttp import web
from yarl import URL

from adapters.errors import Kind, UpstreamError
from adapters.http import Reply, is_public, open_session, parse_retry_after, send, user_agent
from tests.recordings import serving

KEY = "secret-key-1234"


async def get(base: str, path: str = "/", *, private: bool = True, seconds: float = 5) -> Reply:
    async with open_session(allow_private=private) as session:
        url = URL(f"{base}{path}?key={KEY}", encoded=True)
        return await send(session, url, {}, seconds=seconds, max_bytes=1000)


async def failure(
    base: str, path: str = "/", *, private: bool = True, seconds: float = 5
) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await get(base, path, private=private, seconds=seconds)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None or KEY not in repr(caught.value.__cause__)
    return caught.value


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0", "::1", "fe80::1%eth0", "fc00::1",
     "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "100.64.0.1"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_known_in_every_wrapping(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=f"hello {request.headers['User-Agent']}")


async def test_a_private_address_is_refused_unless_it_is_allowed() -> None:
    async with serving(hello) as base:
        assert b"lookup-gateway" in (await get(base)).body
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            error = await failure(base.replace("127.0.0.1", host), private=False)
            assert error.kind is Kind.MISCONFIGURED
            assert "private" in error.message


def test_a_private_address_is_nobodys_failure_and_trips_no_breaker() -> None:
    consequence = Kind.MISCONFIGURED.consequence
    assert (consequence.breaker, consequence.retry, consequence.status) == (False, False, 502)
    assert "configured" in consequence.title


async def test_we_say_who_we_are_and_whom_to_write_to_only_if_we_know() -> None:
    async with serving(hello) as base:
        assert (await get(base)).body == b"hello lookup-gateway/0.1"
        agent = user_agent("mailto:ops@example.org")
        async with open_session(allow_private=True, user_agent=agent) as session:
            reply = await send(session, URL(base), {}, seconds=5, max_bytes=1000)
    assert reply.body == b"hello lookup-gateway/0.1 (mailto:ops@example.org)"


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with serving(hello) as base:
        assert (await get(base)).status == 200


async def test_a_body_is_cut_off_at_its_cap_even_when_it_comes_packed() -> None:
    async def bomb(request: web.Request) -> web.Response:
        packed = gzip.compress(b"0" * 50_000_000)
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with serving(bomb) as base:
        error = await failure(base)
    assert error.kind is Kind.MALFORMED


@pytest.mark.parametrize(("last", "fits"), [(b"c" * 400, True), (b"c" * 401, False)])
async def test_a_body_of_several_pieces_is_joined_up_to_its_cap(last: bytes, fits: bool) -> None:
    pieces = [b"a" * 300, b"b" * 300, last]

    async def by_pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0.01)
        return response

    async with serving(by_pieces) as base:
        if fits:
            assert (await get(base)).body == b"".join(pieces)
        else:
            assert (await failure(base)).kind is Kind.MALFORMED


async def test_an_answer_without_a_body_is_empty() -> None:
    async def nothing(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    async with serving(nothing) as base:
        reply = await get(base)
    assert (reply.status, reply.body, reply.retry_after) == (204, b"", None)


async def test_a_redirect_stays_on_the_host() -> None:
    async def redirect(request: web.Request) -> web.Response:
        if request.path == "/there":
            return web.Response(text="found")
        where = {"/near": "/there", "/far": "http://example.com/", "/loop": "/loop"}
        return web.Response(status=302, headers={"Location": where[request.path]})

    async with serving(redirect) as base:
        assert (await get(base, "/near")).body == b"found"
        for path in ("/far", "/loop"):
            assert (await failure(base, path)).kind is Kind.MALFORMED


async def test_a_silent_upstream_is_a_timeout() -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(hang) as base:
        assert (await failure(base, seconds=0.05)).kind is Kind.TIMEOUT


async def test_an_upstream_that_is_not_there_is_down() -> None:
    async with serving(hello) as base:
        gone = base
    assert (await failure(gone)).kind is Kind.UPSTREAM_DOWN


async def test_a_broken_connection_is_transient() -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    async with serving(break_off) as base:
        assert (await failure(base)).kind is Kind.TRANSIENT


def test_retry_after_is_a_number_or_a_date() -> None:
    assert parse_retry_after("7", time.time()) == 7
    assert parse_retry_after("Sat, 21 Nov 2026 10:00:30 GMT", 1_795_255_200.0) == 30
    assert parse_retry_after("soon", 0) is None


async def test_no_source_waits_for_a_connection_that_another_holds() -> None:
    many = 150
    arrived, gate = asyncio.Semaphore(0), asyncio.Event()

    async def hold(_request: web.Request) -> web.Response:
        arrived.release()
        await gate.wait()
        return web.Response(text="1")

    async with serving(hold) as base, open_session(allow_private=True) as session:
        ask = [send(session, URL(base), {}, seconds=60, max_bytes=10) for _ in range(many)]
        asking = asyncio.gather(*ask)
        async with asyncio.timeout(60):
            for _ in range(many):
                await arrived.acquire()
        gate.set()
        assert [reply.status for reply in await asking] == [200] * many
