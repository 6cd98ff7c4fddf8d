"""Every fault of a request is a problem that says whose fault it is."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest

from adapters.errors import Kind, UpstreamError
from gateway.assembly import Gateway
from gateway.web.app import make_app
from gateway.web.problems import upstream_failed
from gateway.web.server import listening
from tests.stub_upstream import StubUpstream


async def get(client: aiohttp.ClientSession, path: str, method: str = "GET") -> tuple[Any, Any]:
    async with client.request(method, path) as response:
        assert response.content_type == "application/problem+json"
        problem = orjson.loads(await response.read())
        assert problem["status"] == response.status
        assert {"type", "title", "detail", "instance"} <= set(problem)
        assert problem["instance"] == path.partition("?")[0]
        return response, problem


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("q=a", "source"),
        ("source=&q=a", "source"),
        ("source=medicine", "q"),
        ("source=medicine&q=", "q"),
        ("source=medicine&q=%20%20", "q"),
        ("source=medicine&q=" + "a" * 201, "q"),
        ("source=medicine&q=%FF", "q"),
        ("source=medicine&q=a%00b", "q"),
        ("source=medicine&q=a&q=b", "q"),
        ("source=medicine&source=plain&q=a", "source"),
        ("source=medicine&q=a&lmit=1", "lmit"),
        ("source=medicine&q=a&limit=0", "limit"),
        ("source=medicine&q=a&limit=-1", "limit"),
        ("source=medicine&q=a&limit=1001", "limit"),
        ("source=medicine&q=a&limit=1_0", "limit"),
        ("source=medicine&q=a&limit=%D9%A1", "limit"),
        ("source=medicine&q=a&limit=", "limit"),
        ("source=medicine&q=a&fields=", "fields"),
        ("source=medicine&q=a&fields=name,,use", "fields"),
        ("source=medicine&q=a&fields=nam", "fields"),
        ("source=medicine&q=a&summary=later", "summary"),
        ("source=medicine&q=a&lang=english!", "lang"),
        ("source=medicine&q=a&keyword=" + "k" * 201, "keyword"),
        ("source=pharmacy&q=a", "city"),
        ("source=pharmacy&q=a&city=Seoul&radius=far", "radius"),
        ("source=pharmacy&q=a&city=Seoul&radius=9999", "radius"),
    ],
)
async def test_a_wrong_parameter_is_a_400_that_names_it(
    client: aiohttp.ClientSession, upstream: StubUpstream, query: str, parameter: str
) -> None:
    _, problem = await get(client, f"/v1/search?{query}")
    assert (problem["status"], problem["parameter"]) == (400, parameter)
    assert problem["detail"].startswith(f"{parameter}: ")
    assert problem["type"] == "urn:problem-type:lookup-gateway:bad-parameter"
    assert upstream.count == 0


async def test_a_mistyped_parameter_is_told_the_nearest_name(
    client: aiohttp.ClientSession,
) -> None:
    _, problem = await get(client, "/v1/search?source=pharmacy&q=a&city=x&raduis=1")
    assert problem["nearest"][0] == "radius"
    _, problem = await get(client, "/v1/search?source=medicine&q=a&fields=nam")
    assert problem["nearest"] == ["name"]


async def test_an_unknown_source_is_a_404_that_lists_the_nearest(
    client: aiohttp.ClientSession,
) -> None:
    _, problem = await get(client, "/v1/search?source=medcine&q=a")
    assert (problem["status"], problem["source"], problem["nearest"]) == (
        404,
        "medcine",
        ["medicine"],
    )


async def test_an_unknown_path_is_a_404_problem(client: aiohttp.ClientSession) -> None:
    for path in ("/", "/v1", "/v1/search/", "/v2/search", "/v1/search%2F"):
        async with client.get(path) as response:
            problem = orjson.loads(await response.read())
            assert (response.status, problem["type"]) == (404, "about:blank")


async def test_another_method_is_a_405_that_says_which_are_taken(
    client: aiohttp.ClientSession,
) -> None:
    for method in ("POST", "PUT", "DELETE"):
        response, problem = await get(client, "/v1/sources", method)
        assert problem["status"] == 405
        assert response.headers["Allow"] == "GET,HEAD"


async def test_a_huge_body_is_refused_before_it_is_read(gateway: Gateway) -> None:
    head = b"GET /v1/sources HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"
    assert (await raw(gateway, head))["status"] == 413


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"GET /v1/search?q=" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Many: a\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400),
        (b"GET /v1/search?q=\xed\x83\x80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    ],
)
async def test_what_is_no_request_is_a_problem_and_echoes_nothing(
    gateway: Gateway, message: bytes, status: int
) -> None:
    assert (await raw(gateway, message))["status"] == status


async def test_who_types_another_script_into_a_url_is_told_how_it_is_written(
    gateway: Gateway,
) -> None:
    target = "/v1/search?source=plain&q=타이레놀".encode()
    problem = await raw(gateway, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert "percent-encoded" in problem["detail"]


async def raw(gateway: Gateway, message: bytes) -> dict[str, Any]:
    """Send *message* as it is; check that a problem comes back, and return it."""
    async with listening(make_app(gateway), "127.0.0.1", 0) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split()[1])
        length = int(head.lower().partition(b"content-length: ")[2].split()[0])
        problem: dict[str, Any] = orjson.loads(await reader.readexactly(length))
        writer.close()
        await writer.wait_closed()
    assert b"application/problem+json" in head
    assert b"x-request-id" in head.lower()
    assert problem["status"] == status
    assert "aaaa" not in str(problem)
    return problem


async def test_an_unexpected_fault_is_a_500_that_tells_nothing_of_the_inside(
    client: aiohttp.ClientSession, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise KeyError("secret internals")

    monkeypatch.setattr(type(gateway.resolver), "resolve", broken)
    response, problem = await get(client, "/v1/search?source=plain&q=a")
    assert problem["status"] == 500
    assert "secret" not in str(problem)
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_of_upstream_error_has_its_status_and_type(kind: Kind) -> None:
    problem = upstream_failed(UpstreamError(kind, "why", retry_after=1.2), "medicine")
    assert problem.status == kind.consequence.status
    assert problem.type.endswith(kind.value.replace("_", "-"))
    assert problem.headers["Retry-After"] == "2"
    assert problem.members == {"source": "medicine", "retry_after": 2}


def test_without_a_known_wait_nobody_is_told_to_come_back() -> None:
    problem = upstream_failed(UpstreamError(Kind.MALFORMED, "why"), "medicine")
    assert problem.headers == {}
    assert problem.members == {"source": "medicine"}
