"""The tier in this process's memory: bounded in bytes (`storage.eviction`).

An entry of a hundred thousand is not thirty objects here but its bytes: the answer's JSON joined,
as it is sent, and the rest of the entry encoded. So it takes a third of the room beside its
content, and the garbage collector, which would go through all of them, has nothing to look at.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from storage.entry import Entry, Part
from storage.eviction import S3Fifo

ENTRY_OVERHEAD = 350
"""Bytes that an entry takes beside its bytes: four objects, its place in a table and in a queue,
and what is remembered of entries that went.

Measured as growth of the resident set by entries of 0.3 to 16 KB (bench/memory.py): 260 to 270 as
long as nothing has to go, then 310 to 375.
"""
_OPEN, _COMMA, _SUMMARY = b"{", b",", b',"summary":'
_NONE = b"null"


class Kept(msgspec.Struct, gc=False, eq=False):
    """An entry as memory keeps it."""

    key: str
    json: bytes
    """The answer up to its summary: what it was made from, joined. Empty: it is kept no more."""
    rest: bytes
    """Everything else, encoded."""
    position: int
    """Where the log of invalidations stood when the entry was last known to stand."""
    hits: int = 0
    main: bool = False
    """What `storage.eviction.Held` wants to know."""

    @property
    def size(self) -> int:
        """Bytes of memory that it takes."""
        return len(self.key) + len(self.json) + len(self.rest) + ENTRY_OVERHEAD

    def end(self) -> None:
        """Let whoever holds it see that it is kept no more."""
        self.json = b""


class _Rest(msgspec.Struct, frozen=True, array_like=True):
    """An entry without the pieces of its JSON, and where they end."""

    entry: Entry
    head: int
    records: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Rest)


def pack(entry: Entry) -> Kept:
    """Return *entry* as memory keeps it."""
    records, summary = entry.records, entry.summary
    written = _NONE if summary is None else summary.body
    bare = msgspec.structs.replace(
        entry,
        key="",
        head=b"",
        records=_with(records, b""),
        summary=None if summary is None else _with(summary, b""),
        position=0,
    )
    json = b"".join((_OPEN, entry.head, _COMMA, records.body, _SUMMARY, written))
    rest = _encoder.encode(_Rest(bare, len(entry.head), len(records.body)))
    return Kept(entry.key, json, rest, entry.position)


def unpack(kept: Kept) -> Entry | None:
    """Return the entry again, equal to the one that was packed; None: it is kept no more."""
    json = kept.json
    if not json:
        return None
    rest = _decoder.decode(kept.rest)
    head = len(_OPEN) + rest.head
    begins = head + len(_COMMA)
    ends = begins + rest.records
    bare = rest.entry
    written = None if bare.summary is None else _with(bare.summary, json[ends + len(_SUMMARY) :])
    return msgspec.structs.replace(
        bare,
        key=kept.key,
        head=json[len(_OPEN) : head],
        records=_with(bare.records, json[begins:ends]),
        summary=written,
        position=kept.position,
    )


def footprint(entry: Entry) -> int:
    """Return the bytes of memory that keeping *entry* takes."""
    return pack(entry).size


class MemoryTier:
    """Keeps the entries that are used again and again, as many as fit in *max_bytes*.

    An entry larger than the bound is not kept, which is no error. All methods may be called
    from any thread; none of them ever waits for anything else.
    """

    name = "memory"

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._cache: S3Fifo[Kept] = S3Fifo(max_bytes)

    @property
    def bytes(self) -> int:
        """Bytes that the kept entries take."""
        return self._cache.bytes

    @property
    def entries(self) -> int:
        """How many entries are kept."""
        return len(self._cache)

    def peek(self, key: str) -> Entry | None:
        """Return the entry or None at once; it counts as used, as with `get`."""
        kept = self.handle(key)
        return None if kept is None else unpack(kept)

    def handle(self, key: str) -> Kept | None:
        """Return the entry as it is kept, which counts as used, or None.

        Its ``json`` is empty from the moment when it is replaced, forgotten or pushed out.
        """
        return self._cache.get(key)

    def keep(self, entry: Entry) -> bool:
        """Keep *entry* at once, or only forget its predecessor if it is larger than the bound.

        Return whether it was kept.
        """
        return self._cache.insert(pack(entry))

    def has(self, key: str) -> bool:
        """Return whether *key* is kept; it does not count as used."""
        return self._cache.look(key) is not None

    def vouch(self, key: str, position: int) -> None:
        """Note that the entry stands at *position* of the log of invalidations."""
        kept = self._cache.look(key)
        if kept is not None:
            kept.position = position

    def forget(self, key: str) -> bool:
        """Forget *key* at once; return whether it was there."""
        return self._cache.pop(key) is not None

    def clear(self) -> None:
        """Forget everything at once."""
        self._cache.clear()

    async def get(self, key: str) -> Entry | None:
        """Return the entry or None."""
        return self.peek(key)

    async def put(self, entry: Entry) -> None:
        """Keep *entry* if it fits, in place of what stood under its key."""
        self.keep(entry)

    async def drop(self, keys: Sequence[str]) -> int:
        """Forget *keys*; return how many of them it had."""
        return sum(map(self.forget, keys))

    async def ping(self) -> None:
        """Return: memory always works."""

    async def close(self) -> None:
        """Forget everything."""
        self.clear()


def _with(part: Part, body: bytes) -> Part:
    return msgspec.structs.replace(part, body=body)
