"""Answers that are ready to be sent again: all but the numbers of the moment."""

from __future__ import annotations

from functools import lru_cache
from math import floor

import msgspec
from aiohttp import hdrs
from aiohttp.http import SERVER_SOFTWARE

from gateway.answer import Answer
from gateway.freshness import quiet_until, records_ttl
from gateway.lookup import Lookup
from gateway.spend.prices import priced
from gateway.web import encoding, headers
from gateway.web.parameters import Search
from storage.memory import Kept

READY_BYTES = 900
"""Bytes that one ready answer takes beside its target: an estimate, its lookup included."""
_FOUND = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n"
_NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n"
_CODED = {
    encoding.IDENTITY: b"",
    **{coding: f"Content-Encoding: {coding}\r\n".encode() for coding in encoding.CODINGS},
}
_MILLISECONDS = tuple(b"%.3f" % (number / 1000) for number in range(1000))
"""Of less than one, by microseconds: numbers with a point are dear to write."""
_OPAQUE = slice(3, 27)
"""Where an `ETag` has the tag of the whole content."""


Moment = tuple[float, float, bytes, bytes, bytes]
"""Unix seconds, the seconds that it took, lines on limits, the line of the date, and an id."""


class Form(msgspec.Struct, frozen=True, gc=False):
    """Heads with places for the numbers of the moment."""

    found: bytes
    unchanged: bytes


class Ready(msgspec.Struct, gc=False, eq=False):
    """What was answered to a target, and what it rests on."""

    kept: Kept
    """The entry as memory keeps it."""
    tenant: str
    """Whose it is; empty: everybody's."""
    at: float
    """When its records were made, in Unix seconds."""
    ttl: float
    """Seconds for which the records are fresh from then on."""
    until: float
    """Unix seconds; from then on the handler has something to decide."""
    tag: bytes
    view: str
    form: Form
    """All of the same policy share it."""
    tail: bytes
    """What the answer has after what is kept; empty: a view is among the kept bodies alone."""
    short: bool
    """Whether it is so short that no coding is worth it."""
    paid: tuple[str, float | None]
    asked: Lookup

    @property
    def content(self) -> str:
        """The tag of the whole content, by which bodies are kept."""
        return self.tag[_OPAQUE].decode()

    def found(self, length: int, coding: str, moment: Moment) -> bytes:
        """Return the head of the answer with a body of *length* bytes in *coding*."""
        return self.form.found % (_CODED[coding], length, *self._numbers(moment))

    def unchanged(self, moment: Moment) -> bytes:
        """Return the response to whoever has it already (RFC 9110 §15.4.5)."""
        return self.form.unchanged % self._numbers(moment)

    def _numbers(self, moment: Moment) -> tuple[int | bytes, ...]:
        now, seconds, limits, date, request_id = moment
        past = now - self.at
        age, left = int(past) if past > 0 else 0, floor(self.ttl - past)
        took = _MILLISECONDS[int(seconds * 1e6)] if seconds < 0.001 else b"%.3f" % (seconds * 1000)
        return age + left, left, age, took, self.tag, limits, date, request_id


def make_ready(answer: Answer, asked: Search, tag: str, vary: str, kept: Kept) -> Ready:
    """Return *answer*, a fresh hit in memory, as it is to be sent to whoever asks the same."""
    entry, shared = answer.entry, asked.route.share == "public"
    tail = b"" if asked.view else answer.tail()
    return Ready(
        kept=kept,
        tenant="" if shared else asked.lookup.tenant,
        at=entry.records.at,
        ttl=records_ttl(entry, answer.policy),
        until=quiet_until(entry, answer.policy),
        tag=tag.encode(),
        view=asked.view,
        form=_form(headers.lifetime("%d", answer.policy), vary),
        tail=tail,
        short=bool(tail) and len(kept.json) + len(tail) < encoding.MIN_BYTES,
        paid=priced(entry.bill if asked.summary else None),
        asked=asked.lookup,
    )


@lru_cache(maxsize=1024)
def _form(lifetime: str, vary: str) -> Form:
    head = {
        hdrs.SERVER: SERVER_SOFTWARE,
        "X-Content-Type-Options": "nosniff",
        hdrs.CACHE_CONTROL: lifetime,
        "Cache-Status": headers.kept_status("%d", "memory"),
        hdrs.AGE: "%d",
        "Server-Timing": headers.timing("memory", "%b"),
        hdrs.ETAG: "%b",
        hdrs.VARY: vary,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items()).encode()
    lines += b"%b%bX-Request-Id: %b\r\n\r\n"
    return Form(_FOUND + lines, _NOT_MODIFIED + lines)
