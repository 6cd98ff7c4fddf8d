"""Known cases of smuggled requests and forged log lines, byte for byte over raw sockets."""

from __future__ import annotations

import io

import aiohttp
import orjson
import pytest

from tests.gateway.web.raw_http import Raw, talk

HIDDEN = b"GET /v1/audit HTTP/1.1\r\nHost: a\r\nX-Request-Id: smuggled\r\n\r\n"
PLAIN = b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


def port_of(client: aiohttp.ClientSession) -> int:
    url = client._base_url
    assert url is not None
    assert url.port is not None
    return url.port


def smuggled(answers: list[Raw]) -> bool:
    return any(each.headers.get("x-request-id") == "smuggled" for each in answers)


@pytest.mark.parametrize(
    "request_bytes",
    [
        # CL.TE and TE.CL: two lengths, of which a proxy believes the other.
        PLAIN + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        PLAIN + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + HIDDEN,
        # TE.TE: one of two that only one side understands.
        PLAIN + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + HIDDEN,
        PLAIN + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        PLAIN + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        PLAIN + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        PLAIN + b"X: x\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        # Lengths that are none, or several.
        PLAIN + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + HIDDEN,
        PLAIN + b"Content-Length: +0\r\n\r\n" + HIDDEN,
        PLAIN + b"Content-Length: 0x0\r\n\r\n" + HIDDEN,
        PLAIN + b"Content-Length: 0, 5\r\n\r\n" + HIDDEN,
        PLAIN + b"Content-Length: -1\r\n\r\n" + HIDDEN,
        PLAIN + b"Content-Length: 0_0\r\n\r\n" + HIDDEN,
        PLAIN + "Content-Length: ٠\r\n\r\n".encode() + HIDDEN,
        # Chunks whose size hides more.
        PLAIN + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + HIDDEN,
        PLAIN + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + HIDDEN,
        PLAIN + b"Transfer-Encoding: chunked\r\n\r\n0_0\r\n\r\n" + HIDDEN,
        # Names and lines that are not RFC 9110.
        PLAIN + b"Content-Length\t: 0\r\n\r\n" + HIDDEN,
        PLAIN + b"Bad\x00Name: 1\r\n\r\n" + HIDDEN,
        PLAIN + b"X: a\x00b\r\n\r\n" + HIDDEN,
        PLAIN + b"X: a\rContent-Length: 0\r\n\r\n" + HIDDEN,
        b"GET /v1/search HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + HIDDEN,
        b"GET /v1/search?source=plain&q=a HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN,
        b"GET\x0b/v1/search HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN,
        b"GET /v1/search HTTP/1.1\x00\r\nHost: a\r\n\r\n" + HIDDEN,
    ],
)
async def test_what_follows_an_ambiguous_request_is_never_answered(
    client: aiohttp.ClientSession, request_bytes: bytes
) -> None:
    answers = await talk(port_of(client), [request_bytes], 2)
    assert not smuggled(answers)
    assert all(each.status >= 400 for each in answers)


async def test_what_stands_in_a_body_is_no_request(client: aiohttp.ClientSession) -> None:
    length = f"Connection: close\r\nContent-Length: {len(HIDDEN)}\r\n\r\n".encode()
    answers = await talk(port_of(client), [PLAIN + length + HIDDEN], 2)
    assert [each.status for each in answers] == [400]
    assert not smuggled(answers)


async def test_a_hit_before_the_parser_hides_nothing_behind_it(
    client: aiohttp.ClientSession,
) -> None:
    hit = b"GET /v1/search?source=plain&q=a HTTP/1.1\r\nHost: a\r\n"
    for _ in range(3):
        assert (await talk(port_of(client), [hit + b"\r\n"], 1))[0].status == 200
    for lines in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"X: a\x00b\r\n"):
        answers = await talk(port_of(client), [hit + lines + b"\r\n0\r\n\r\n" + HIDDEN], 2)
        assert not smuggled(answers)
        assert all(each.status >= 400 for each in answers)


FORGED = '{"event":"forged","level":"info"}'


@pytest.mark.parametrize(
    "lines",
    [
        "GET /v1/x%0d%0a{forged} HTTP/1.1\r\nHost: a\r\n",
        "GET /v1/x%0a{forged}%0a HTTP/1.1\r\nHost: a\r\n",
        "GET /v1/%1b[2J%1b[31m HTTP/1.1\r\nHost: a\r\n",
        "GET /v1/%e2%80%a8{forged} HTTP/1.1\r\nHost: a\r\n",
        "GET /v1/search?source=plain%0a{forged}&q=a%0a{forged} HTTP/1.1\r\nHost: a\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\\n{forged}\r\n",
        'GET /v1/x HTTP/1.1\r\nHost: a\r\nX-Request-Id: a","event":"forged\r\n',
        'GET /v1/x HTTP/1.1\r\nHost: a\r\ntraceparent: 00-a","event":"forged\r\n',
        "GET /v1/x HTTP/1.1\r\nHost: a\r\nUser-Agent: {forged}\r\n",
    ],
)
async def test_nobody_writes_a_line_of_the_log(
    client: aiohttp.ClientSession, out: io.StringIO, lines: str
) -> None:
    forged = FORGED.replace('"', "%22").replace("{", "%7b").replace("}", "%7d")
    head = lines.replace("{forged}", forged if "%" in lines else FORGED)
    (answer,) = await talk(port_of(client), [f"{head}\r\n".encode()], 1)
    assert "\n" not in answer.headers.get("x-request-id", "")
    for line in filter(None, out.getvalue().split("\n")):
        told = orjson.loads(line)
        assert told["event"] != "forged"
        assert "\x1b" not in line


async def test_an_answer_cannot_be_split(client: aiohttp.ClientSession) -> None:
    for target in ("/v1/search?source=plain&q=a%0d%0aSet-Cookie:%20x=1", "/%0d%0aSet-Cookie:x"):
        data = f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        (answer,) = await talk(port_of(client), [data], 1)
        assert "set-cookie" not in answer.headers
