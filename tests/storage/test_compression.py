from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.compression import COMMON, LEAST, MARK, MOST, BrokenError, compress, decompress
from storage.entry import encode
from tests.storage.entries import make_entry

JSON = b'"total":1,"items":[{"id":"1","name":"Aspirin","maker":"Bayer","summary":null}]'


@given(st.binary(max_size=2000).map(lambda body: encode(make_entry(body=body))))
def test_what_is_compressed_comes_back(wire: bytes) -> None:
    assert decompress(compress(wire)) == wire


def test_an_entry_of_600_bytes_is_sent_in_less_than_half() -> None:
    body = JSON + b',"as_of":"2026-11-21T10:00:00Z","attribution":{"text":"","url":""}'
    wire = encode(make_entry("v1:public:medicine:" + "a9" * 32, body * 3))
    assert 500 < len(wire) < 700
    assert len(compress(wire)) < len(wire) / 2


def test_what_is_small_or_does_not_shrink_is_sent_as_it_is() -> None:
    small = encode(make_entry(body=b""))
    assert len(small) < LEAST
    assert compress(small) is small
    dense = encode(make_entry(body=random.Random(1).randbytes(2000)))
    assert compress(dense) is dense


@pytest.mark.parametrize("packed", [b"", b"\0", compress(b"x" * 900)[1:-1], b"\xff" * 40])
def test_broken_bytes_are_told_and_no_other_error(packed: bytes) -> None:
    with pytest.raises(BrokenError):
        decompress(MARK + packed)


def test_a_bomb_is_not_let_grow() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=COMMON)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range((MOST >> 20) + 1))
    with pytest.raises(BrokenError):
        decompress(MARK + bomb + packer.flush())
