"""The coding that a client gets, and that a body is made in it once."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import brotli
import pytest
from backports import zstd

from gateway.web.encoding import BODY_OVERHEAD, MIN_BYTES, EncodedBodies, encode, negotiate

LONG = b"the same words again and again, " * 100


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", "identity"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("br", "br"),
        ("gzip, br", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.1, br;q=0.2, gzip;q=0.3", "gzip"),
        ("GZIP ; Q=1", "gzip"),
        ("*", "zstd"),
        ("*;q=0.5, zstd;q=0", "br"),
        ("deflate", "identity"),
        ("gzip;q=0", "identity"),
        ("gzip;q=0.5, identity", "identity"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("gzip;q=none", "identity"),
        ("gzip;q=7", "identity"),
        ("identity;q=0, br", "br"),
        ("*;q=0, identity", "identity"),
        ("identity;q=0", ""),
        ("*;q=0", ""),
        ("identity;q=0, deflate", ""),
    ],
)
def test_the_heaviest_coding_wins_and_then_our_order(header: str, coding: str) -> None:
    assert negotiate(header) == coding


@pytest.mark.parametrize(
    ("coding", "decode"),
    [
        ("gzip", gzip.decompress),
        ("br", brotli.decompress),
        ("zstd", zstd.decompress),
        ("identity", bytes),
    ],
)
def test_a_coded_body_is_the_body(coding: str, decode: Callable[[bytes], bytes]) -> None:
    assert decode(encode(LONG, coding)) == LONG
    assert encode(LONG, coding) == encode(LONG, coding)


def test_a_body_is_made_once_for_each_content_view_and_coding() -> None:
    bodies, made = EncodedBodies(1 << 20), list[str]()

    def make(name: str) -> Callable[[], bytes]:
        return lambda: made.append(name) or LONG  # type: ignore[func-returns-value]

    for _ in range(3):
        for content, view, coding in (("a", "", "br"), ("a", "", "zstd"), ("a", "x:1", "br")):
            body, coded = bodies.get(content, view, coding, make(content + view + coding))
            assert (body, coded) == (encode(LONG, coding), coding)
        bodies.get("b", "", "br", make("b"))
    assert made == ["abr", "azstd", "ax:1br", "b"]


def test_a_view_without_a_coding_is_rendered_once_too() -> None:
    bodies, made = EncodedBodies(1 << 20), list[bytes]()
    for _ in range(2):
        bodies.get("a", "name:1", "identity", lambda: made.append(LONG) or LONG)  # type: ignore[func-returns-value]
    assert len(made) == 1
    bodies.get("a", "", "identity", lambda: LONG)
    assert bodies.size == len(LONG) + BODY_OVERHEAD  # the whole answer has its entry already


def test_a_short_body_stays_as_it_is() -> None:
    short = b"x" * (MIN_BYTES - 1)
    assert EncodedBodies(1 << 20).get("a", "", "br", lambda: short) == (short, "identity")


def test_the_kept_bodies_stay_within_their_bytes() -> None:
    most = 3 * (len(LONG) + BODY_OVERHEAD)
    bodies = EncodedBodies(most)
    for number in range(100):
        bodies.get(str(number), "view", "identity", lambda: LONG)
        assert bodies.size <= most
    assert bodies.size == most
    assert EncodedBodies(0).get("a", "view", "br", lambda: LONG)[1] == "br"
