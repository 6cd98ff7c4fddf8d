from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.framing import LONGEST_HEAD, Framing

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"


def followed(*chunks: bytes) -> Framing:
    framing = Framing()
    for chunk in chunks:
        framing.follow(chunk)
    return framing


def test_a_new_connection_stands_at_the_start_of_a_request() -> None:
    assert followed().at_start


@pytest.mark.parametrize("message", [GET, POST, GET + POST, POST + GET + GET])
def test_after_whole_requests_it_stands_at_a_start_wherever_they_were_cut(message: bytes) -> None:
    for cut in range(len(message) + 1):
        assert followed(message[:cut], message[cut:]).at_start


@pytest.mark.parametrize("message", [GET, POST])
def test_within_a_request_it_stands_at_no_start(message: bytes) -> None:
    for cut in range(1, len(message)):
        assert not followed(message[:cut]).at_start


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1" + b"0" * 5000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length : 5\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"x" * (LONGEST_HEAD + 1),
    ],
)
def test_what_is_not_plainly_framed_is_not_followed_any_further(head: bytes) -> None:
    framing = followed(head)
    assert not framing.at_start
    framing.follow(GET)
    assert not framing.at_start


@given(st.lists(st.sampled_from([GET, POST]), max_size=4), st.data())
def test_any_cuts_of_a_stream_end_at_its_start(messages: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    bounds = [0, *cuts, len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(bounds)]
    assert followed(*chunks).at_start
