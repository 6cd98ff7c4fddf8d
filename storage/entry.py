"""What is kept: an entry of two parts, encoded once, when it is made.

An entry holds pieces of the JSON answer as bytes. Tiers move these bytes and a
hit joins them; nothing parses or renders JSON on the way. Records and summary
are parts with ages of their own, so that cheap records refresh alone.
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import msgspec

from storage.compression import BrokenError, compress, decompress

WIRE_VERSION = 1
"""The first byte of an encoded entry; another version is a miss, never an error."""


class Bill(msgspec.Struct, frozen=True, array_like=True):
    """What a model's call took; None is unknown, which is not zero."""

    model: str
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    """Those of the prompt that the provider had cached."""
    completion_tokens: int | None = None
    usd: float | None = None


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One part of an entry: its JSON, when it was made and what it took to make."""

    body: bytes
    """Records: the members ``"total":…,"items":…,"as_of":…,"attribution":…`` without braces.
    Summary: one JSON value, ``null`` where an attempt failed and nothing stands in.
    """
    at: float
    """When it was made, in Unix seconds."""
    cost: float = 0.0
    """How long it took to make, in seconds: what an early refresh weighs."""
    digest: str = ""
    """Names the content it was made from: equal digests, equal content."""
    retry: float = 0.0
    """Above 0: the attempt failed, what stands here stands in, and after so many seconds another
    may be made."""
    bill: Bill | None = None
    """What was paid for it; None where nobody was."""
    validator: str = ""
    """By which the upstream can say that the content still holds (``ETag``, ``Last-Modified``)."""


class Entry(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """The kept answer of one lookup."""

    key: str
    source: str
    head: bytes
    """The JSON members that name the lookup: ``"source":…,"query":…,"keyword":…``."""
    records: Part
    summary: Part | None
    """None: nobody asked for one yet."""
    empty: bool
    """The upstream found nothing: the negative time to live holds."""
    keep_until: float
    """Unix seconds after which no tier needs to keep it."""
    tags: tuple[str, ...] = ()
    position: int = 0
    """Where the log of invalidations stood before the fetch began: the fence."""
    partial: tuple[str, ...] = ()
    """Parts of a composite source that are missing."""
    holds: str = ""
    """What a withdrawal finds it by: a line with a tab before the query, then for each record a
    line with its id, a tab and its name, which is normalized as queries are."""

    @property
    def bill(self) -> Bill | None:
        """What was paid for its summary; None where nobody was."""
        return None if self.summary is None else self.summary.bill

    @property
    def size(self) -> int:
        """Bytes of its content, for tiers that are bounded in bytes."""
        summary = 0 if self.summary is None else len(self.summary.body)
        return len(self.key) + len(self.head) + len(self.records.body) + summary + len(self.holds)

    @cached_property
    def packed(self) -> bytes:
        """What servers keep: its bytes, smaller where that pays; made once for all of them."""
        return compress(encode(self))


class Look(msgspec.Struct, frozen=True):
    """What one tier said of a key."""

    tier: str
    entry: Entry | None
    seconds: float
    state: Literal["answered", "failed", "left"] = "answered"
    """``left``: it was not waited for any more."""


class Found(msgspec.Struct, frozen=True):
    """An entry and the name of the tier that had it."""

    entry: Entry
    tier: str
    looks: tuple[Look, ...] = ()
    """Of the tiers that were asked at the same time, where there were two."""


class CorruptEntryError(Exception):
    """Bytes in a tier that are no entry of this version: treated as a miss."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """Return the bytes that a tier keeps of *entry*."""
    return bytes((WIRE_VERSION,)) + _encoder.encode(entry)


def decode(wire: bytes) -> Entry:
    """Return the entry that *wire* holds, packed or not.

    Raise `CorruptEntryError` on anything else.
    """
    try:
        wire = decompress(wire)
    except BrokenError as error:
        raise CorruptEntryError(str(error)) from error
    if not wire or wire[0] != WIRE_VERSION:
        raise CorruptEntryError("the bytes are not an entry of this version")
    try:
        return _decoder.decode(memoryview(wire)[1:])
    # msgspec lets the faults of broken text and of deep nesting through as they are.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptEntryError(str(error)) from error
