"""An answer as it is sent to all who waited while the first who asked for it was answered."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from math import floor, log2
from random import getrandbits, random
from time import perf_counter

import msgspec
from aiohttp import hdrs
from aiohttp.http import SERVER_SOFTWARE

from gateway.access.identity import Identity
from gateway.answer import Answer
from gateway.answering import served
from gateway.events import Event, Events, Responded
from gateway.web import encoding, headers
from gateway.web.caller import Caller
from gateway.web.encoding import EncodedBodies
from gateway.web.hit_log import HitLog
from gateway.web.limits import ClientLimits
from gateway.web.measuring import UPSTREAM, tier_of
from gateway.web.nearest import rendered
from gateway.web.parameters import Search
from gateway.web.request_head import Head

AT_ONCE = 16
"""So many access lines are told before the loop looks after its connections again."""
_ROUTE = "/v1/search"
_NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n"
_STEPS = 4
"""Answers whose times differ by less than a fifth are told of at once: so many steps an octave."""
_LEAST = 1e-6
"""Seconds."""


class Seat(msgspec.Struct, frozen=True, gc=False):
    """Somebody who waits."""

    data: bytes
    """What they sent."""
    caller: Caller
    head: Head
    request_id: bytes
    mark: int
    """What may be given to them (`storage.tiers.Tiers.mark`)."""
    since: float
    """When that was, by `time.perf_counter`."""


class Answers:
    """Makes shared answers; *clock* gives Unix seconds.

    Of hits the share *sampled* has an access line, as everywhere.
    """

    def __init__(
        self,
        *,
        bodies: EncodedBodies,
        limits: ClientLimits,
        events: Events,
        sampled: float,
        clock: Callable[[], float],
        origins: bool,
    ) -> None:
        self.bodies = bodies
        self.limits = limits
        self.events = events
        self.clock = clock
        self.vary = "Accept-Encoding, Origin" if origins else hdrs.ACCEPT_ENCODING
        self._sampled = sampled
        self._log = HitLog(sampled)
        self._untold: deque[tuple[Seat, bytes, str, float]] = deque()

    def of(self, search: Search, answer: Answer, content: str, tag: str) -> SharedAnswer:
        """Return *answer* to *search* as others have it: for them nothing was fetched."""
        if answer.outcome == "miss":
            answer = msgspec.structs.replace(answer, outcome="collapsed")
        return SharedAnswer(self, search, answer, content, tag)

    def note(self, seat: Seat, reply: bytes, source: str, seconds: float, *, hit: bool) -> None:
        """Have an access line told once everybody is answered."""
        if hit and random() >= self._sampled:  # noqa: S311 - no secret
            return
        if not self._untold:
            asyncio.get_running_loop().call_soon(self._tell_some)
        self._untold.append((seat, reply, source, seconds))

    def _tell_some(self) -> None:
        for _ in range(min(AT_ONCE, len(self._untold))):
            seat, reply, source, seconds = self._untold.popleft()
            self._log.tell(seat.data, reply, source, seat.caller.identity, seconds)
        if self._untold:
            asyncio.get_running_loop().call_soon(self._tell_some)


class SharedAnswer:
    """What they all are answered."""

    def __init__(
        self, answers: Answers, search: Search, answer: Answer, content: str, tag: str
    ) -> None:
        self._answers = answers
        self._search = search
        self._answer = answer
        self._content = content
        self._tag = tag
        self._lines, status = _lines(answer, tag, answers.vary)
        self._tier = tier_of(status)
        self._date = f"Date: {formatdate(answers.clock(), usegmt=True)}\r\n".encode()
        self._coded: dict[str, tuple[bytes, bytes]] = {}
        self._told: Counter[tuple[str, int, int]] = Counter()

    def reply(self, seat: Seat) -> bytes | None:
        """Return the response to *seat*, counted; None: it has to be made for them."""
        coding, same, client = seat.caller.coding, seat.head.if_none_match, seat.caller.client
        if not coding or (same and same != self._tag.encode()):
            return None
        limit = b"" if client is None else client.lines(self._answers.limits.clock())
        if limit is None:
            return None
        seconds = perf_counter() - seat.since
        first, body = (_NOT_MODIFIED, b"") if same else self._found(coding)
        timing = headers.timing(self._answer.tier or UPSTREAM, f"{seconds * 1000:.3f}")
        given = seat.request_id or b"%016x" % getrandbits(64)
        own = b"Server-Timing: %b\r\n%b%bX-Request-Id: %b\r\n\r\n"
        end = own % (timing.encode(), limit, self._date, given)
        reply = b"".join((first, self._lines, end, body))
        self._count(seat.caller.identity, 304 if same else 200, seconds)
        source, hit = self._search.route.name, self._tier != UPSTREAM
        self._answers.note(seat, reply, source, seconds, hit=hit)
        return reply

    def tell(self) -> None:
        """Tell of everybody who was answered."""
        for event in self._events():
            self._answers.events.emit(event)

    def _count(self, identity: Identity, status: int, seconds: float) -> None:
        step = floor(log2(max(seconds, _LEAST)) * _STEPS)
        self._told[identity.tenant, status, step] += 1

    def _events(self) -> Iterator[Event]:
        search = self._search
        want_summary = search.summary and search.route.summarizer is not None
        for (tenant, status, step), count in self._told.items():
            seconds = 2 ** ((step + 0.5) / _STEPS)
            told = served(search.lookup, self._answer, seconds, want_summary=want_summary)
            yield replace(told, tenant=tenant, count=count)
            yield Responded(_ROUTE, "GET", status, self._tier, seconds, count=count)

    def _found(self, coding: str) -> tuple[bytes, bytes]:
        """Return the first lines and the body in *coding*, made once for all of them."""
        found = self._coded.get(coding)
        if found is None:
            search, answer = self._search, self._answer
            body, used = self._answers.bodies.get(
                self._content, search.view, coding, lambda: rendered(answer, search)
            )
            coded = "" if used == encoding.IDENTITY else f"Content-Encoding: {used}\r\n"
            first = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{coded}"
            found = f"{first}Content-Length: {len(body)}\r\n".encode(), body
            self._coded[coding] = found
        return found


def _lines(answer: Answer, tag: str, vary: str) -> tuple[bytes, str]:
    """Return the lines that all have, and what stands in ``Cache-Status``."""
    status = headers.cache_status(answer)
    lines = {
        hdrs.SERVER: SERVER_SOFTWARE,
        "X-Content-Type-Options": "nosniff",
        hdrs.CACHE_CONTROL: headers.cache_control(answer),
        "Cache-Status": status,
        hdrs.AGE: str(answer.age),
        hdrs.ETAG: tag,
        hdrs.VARY: vary,
    }
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode(), status
