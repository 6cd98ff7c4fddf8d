"""Answers that are ready to be sent again: all but the numbers of the moment."""

from __future__ import annotations

from math import floor
from typing import NamedTuple

from aiohttp import hdrs
from aiohttp.http import SERVER_SOFTWARE

from gateway.answer import Answer
from gateway.freshness import quiet_until, records_ttl
from gateway.lookup import Lookup
from gateway.spend.prices import priced
from gateway.web import encoding, headers
from gateway.web.parameters import Search
from storage.entry import Entry, Part

_FOUND = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n"
_NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n"
_CODED = {
    encoding.IDENTITY: b"",
    **{coding: f"Content-Encoding: {coding}\r\n".encode() for coding in encoding.CODINGS},
}
_ALWAYS = f"Server: {SERVER_SOFTWARE}\r\nX-Content-Type-Options: nosniff\r\n".encode()


class Ready(NamedTuple):
    """What was answered to a target, and what it rests on."""

    key: str
    source: str
    tenant: str
    """Whose it is; empty: everybody's."""
    records: Part
    summary: Part | None
    ttl: float
    """Seconds for which the records are fresh, from when they were made."""
    until: float
    """Unix seconds; from then on the handler has something to decide."""
    tag: bytes
    content: str
    view: str
    head: bytes
    """Lines with places for max-age, ttl, age and the milliseconds that it took."""
    pieces: tuple[bytes, ...] | None
    """The body as it is; None: it is among the kept bodies alone."""
    short: bool
    """Whether it is so short that no coding is worth it."""
    paid: tuple[str, float | None]
    asked: Lookup

    def rests_on(self, entry: Entry | None) -> bool:
        """Whether *entry*, which is kept now, is what was answered."""
        return entry is not None and entry.records == self.records and entry.summary == self.summary

    def lines(self, now: float, seconds: float) -> bytes:
        """Return the lines of its head that hold at *now* (Unix seconds), after *seconds*."""
        past = now - self.records.at
        age, left = max(0, int(past)), floor(self.ttl - past)
        return self.head % (age + left, left, age, seconds * 1000)


def make_ready(answer: Answer, asked: Search, tag: str, vary: str) -> Ready:
    """Return *answer*, a fresh hit in memory, as it is to be sent to whoever asks the same."""
    entry, shared = answer.entry, asked.route.share == "public"
    head = {
        hdrs.CACHE_CONTROL: headers.lifetime("%d", answer.policy),
        "Cache-Status": headers.kept_status("%d", answer.tier),
        hdrs.AGE: "%d",
        "Server-Timing": headers.timing(answer.tier, "%.3f"),
        hdrs.ETAG: tag,
        hdrs.VARY: vary,
    }
    pieces = None if asked.view else answer.pieces()
    return Ready(
        key=entry.key,
        source=asked.lookup.source,
        tenant="" if shared else asked.lookup.tenant,
        records=entry.records,
        summary=entry.summary,
        ttl=records_ttl(entry, answer.policy),
        until=quiet_until(entry, answer.policy),
        tag=tag.encode(),
        content=answer.etag,
        view=asked.view,
        head=_ALWAYS + lines_of(head),
        pieces=pieces,
        short=pieces is not None and sum(map(len, pieces)) < encoding.MIN_BYTES,
        paid=priced(entry.bill if asked.summary else None),
        asked=asked.lookup,
    )


def found(lines: tuple[bytes, ...], pieces: tuple[bytes, ...], coding: str) -> bytes:
    """Return the response with the rest of its head and the body *pieces* in *coding*."""
    first = _FOUND % (_CODED[coding], sum(map(len, pieces)))
    return b"".join((first, *lines, *pieces))


def unchanged(lines: tuple[bytes, ...]) -> bytes:
    """Return the response to whoever has it already (RFC 9110 §15.4.5)."""
    return b"".join((_NOT_MODIFIED, *lines))


def lines_of(fields: dict[str, str]) -> bytes:
    """Return *fields* as lines of a head."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()
