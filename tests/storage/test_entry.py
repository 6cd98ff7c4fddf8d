import contextlib

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.compression import MARK
from storage.entry import WIRE_VERSION, CorruptEntryError, Entry, Part, decode, encode
from tests.storage.entries import make_entry

_times = st.floats(allow_nan=False, allow_infinity=False)
_parts = st.builds(Part, st.binary(), _times, _times, st.text())
_entries = st.builds(
    Entry,
    key=st.text(),
    source=st.text(),
    head=st.binary(),
    records=_parts,
    summary=st.none() | _parts,
    empty=st.booleans(),
    keep_until=_times,
    tags=st.lists(st.text()).map(tuple),
    position=st.integers(0, 2**63),
    partial=st.lists(st.text()).map(tuple),
)


@given(_entries)
def test_what_was_encoded_is_decoded_as_it_was(entry: Entry) -> None:
    assert decode(encode(entry)) == entry


@given(_entries)
def test_what_was_packed_is_decoded_as_it_was(entry: Entry) -> None:
    assert decode(entry.packed) == entry


def test_an_entry_is_packed_once_and_another_one_anew() -> None:
    entry = make_entry(body=b'"items":[' + b'{"id":"1","name":"x"},' * 50)
    assert entry.packed is entry.packed
    assert len(entry.packed) < len(encode(entry)) / 3
    assert decode(msgspec.structs.replace(entry, position=7).packed).position == 7


@pytest.mark.parametrize("rest", [b"", b"x", make_entry(body=b"x" * 900).packed[1:-1]])
def test_broken_packed_bytes_are_corrupt(rest: bytes) -> None:
    with pytest.raises(CorruptEntryError):
        decode(MARK + rest)


@given(st.binary() | st.binary().map(lambda tail: bytes((WIRE_VERSION,)) + tail))
@example(b"")
@example(bytes((WIRE_VERSION, 0xC1)))
@example(bytes((WIRE_VERSION, 0x9B)) + encode(make_entry())[2:] + b"\x91" * 100_000)
@example(bytes((WIRE_VERSION, 0x9A)) + b"\xa1\xff" * 10)
def test_arbitrary_bytes_are_corrupt_and_nothing_worse(wire: bytes) -> None:
    with contextlib.suppress(CorruptEntryError):
        decode(wire)


@given(_entries, st.data())
def test_a_damaged_entry_decodes_or_is_corrupt_and_nothing_worse(
    entry: Entry, data: st.DataObject
) -> None:
    wire = bytearray(encode(entry))
    wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CorruptEntryError):
        decode(bytes(wire[: data.draw(st.integers(0, len(wire)))]))


def test_another_version_is_corrupt() -> None:
    with pytest.raises(CorruptEntryError):
        decode(bytes((WIRE_VERSION + 1,)) + encode(make_entry())[1:])


def test_another_shape_of_this_version_is_corrupt() -> None:
    with pytest.raises(CorruptEntryError):
        decode(bytes((WIRE_VERSION,)) + msgspec.msgpack.encode(["key", 1]))


def test_the_size_counts_every_body() -> None:
    entry = make_entry("k", b"1234", head=b"12", summary=Part(b"123", 1.0))
    assert entry.size == 1 + 4 + 2 + 3
