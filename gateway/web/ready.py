"""Answers that are ready to be sent again: all but the numbers of the moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import floor
from typing import Final

from aiohttp import hdrs
from aiohttp.http import SERVER_SOFTWARE

from gateway.answer import Answer
from gateway.freshness import quiet_until, records_ttl
from gateway.lookup import Lookup
from gateway.spend.prices import priced
from gateway.web import encoding, headers
from gateway.web.decimals import decimal, milliseconds
from gateway.web.parameters import Search
from storage.memory import Kept

READY_BYTES: Final = 900
"""Bytes that one ready answer takes beside its target: an estimate, its lookup included."""
_FOUND: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_NOT_MODIFIED: Final = b"HTTP/1.1 304 Not Modified\r\n"
_LENGTH: Final = {
    encoding.IDENTITY: b"Content-Length: ",
    **{
        coding: f"Content-Encoding: {coding}\r\nContent-Length: ".encode()
        for coding in encoding.CODINGS
    },
}


Moment = tuple[float, float, bytes, bytes, bytes]
"""Unix seconds, the seconds that it took, lines on limits, the line of the date, and an id."""


@dataclass(frozen=True, slots=True)
class Form:
    """The lines that all answers of one policy have, cut where the numbers of the moment stand."""

    lifetime: bytes
    ttl: bytes
    age: bytes
    timing: bytes
    tag: bytes
    rest: bytes
    """What follows the tag."""


@dataclass(eq=False, slots=True)
class Ready:
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
        """The tag of the whole content, by which bodies are kept: an `ETag` begins with it."""
        return self.tag[3:27].decode()

    def found(self, coding: str, body: list[bytes], moment: Moment) -> bytes:
        """Return the whole answer with the pieces of its *body* in *coding*."""
        length = 0
        for piece in body:
            length += len(piece)
        lines = self._lines([_FOUND, _LENGTH[coding], decimal(length), b"\r\n"], moment)
        lines += body
        return b"".join(lines)

    def unchanged(self, moment: Moment) -> bytes:
        """Return the response to whoever has it already (RFC 9110 §15.4.5)."""
        return b"".join(self._lines([_NOT_MODIFIED], moment))

    def _lines(self, first: list[bytes], moment: Moment) -> list[bytes]:
        """Return *first*, and after it the lines that are alike in both."""
        now, seconds, limits, date, request_id = moment
        past, form = now - self.at, self.form
        left, age = floor(self.ttl - past), int(past) if past > 0 else 0
        lifetime, ttl = decimal(age + left), decimal(left)
        first += [form.lifetime, lifetime, form.ttl, ttl, form.age, decimal(age)]
        first += [form.timing, milliseconds(seconds), form.tag, self.tag, form.rest]
        first += [limits, date, b"X-Request-Id: ", request_id, b"\r\n\r\n"]
        return first


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
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    pieces = [piece.encode() for piece in re.split("%[db]", lines)]
    return Form(*pieces)
