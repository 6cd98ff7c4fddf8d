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
_NOT_MODIFIED: Final = b"HTTP/1.1 304 Not Modified\r\n"
_FOUND: Final = {
    encoding.IDENTITY: b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ",
    **{
        coding: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        f"Content-Encoding: {coding}\r\nContent-Length: ".encode()
        for coding in encoding.CODINGS
    },
}
"""The first lines of an answer in each coding, up to its length."""

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

    def found(self, coding: str, body: bytes, tail: bytes, moment: Moment) -> bytes:
        """Return the whole answer, whose content in *coding* is *body* and *tail*."""
        length, lines = decimal(len(body) + len(tail)), self._lines(moment)
        return b"%b%b\r\n%b%b%b" % (_FOUND[coding], length, lines, body, tail)

    def unchanged(self, moment: Moment) -> bytes:
        """Return the response to whoever has it already (RFC 9110 §15.4.5)."""
        return _NOT_MODIFIED + self._lines(moment)

    def _lines(self, moment: Moment) -> bytes:
        """Return the lines that are alike in both, and the end of the head."""
        now, seconds, limits, date, request_id = moment
        past, form = now - self.at, self.form
        left, age = floor(self.ttl - past), int(past) if past > 0 else 0
        # mypyc writes such a format without a list of pieces.
        return b"%b%b%b%b%b%b%b%b%b%b%b%b%bX-Request-Id: %b\r\n\r\n" % (
            form.lifetime,
            decimal(age + left),
            form.ttl,
            decimal(left),
            form.age,
            decimal(age),
            form.timing,
            milliseconds(seconds),
            form.tag,
            self.tag,
            form.rest,
            limits,
            date,
            request_id,
        )


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
