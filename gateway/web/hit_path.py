"""Fresh hits in memory, answered from bytes before aiohttp parses the request.

The rules:

1. Nothing is decided here. A target is answered if the search handler has answered it before from
   memory, fresh and whole; what it said then is said again, with the numbers of now.
2. What is kept is looked at each time: an entry that was withdrawn, replaced, evicted, has grown
   stale or is due for an early renewal falls through to the handler, as does whoever is not known,
   may not, or has asked too often.
3. A request is answered only if it is exactly one plain GET (`request_head`), sent where a request
   begins (`framing`), while nothing else is being answered on its connection.
4. Whatever else it is falls through untouched: switching this off changes no answer.
5. What an answer is counted in counts here too, in batches (`FLUSH`); limits count at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from random import getrandbits
from typing import Final, Protocol

from aiohttp import web
from aiohttp.web_request import Request
from cachebox import LRUCache

from gateway.access.authenticator import Authenticator
from gateway.access.identity import Identity, Scope
from gateway.answer import Answer
from gateway.events import Events, Responded, Served, TierRead
from gateway.web import encoding
from gateway.web.encoding import EncodedBodies
from gateway.web.framing import END
from gateway.web.hit_log import HitLog
from gateway.web.limits import ClientLimits, rate_headers
from gateway.web.parameters import Search
from gateway.web.ready import Ready, found, lines_of, make_ready, unchanged
from gateway.web.request_head import LONGEST, Head, Heads
from storage.tiers import Tiers

FLUSH = 0.25
"""Seconds for which hits are counted before they are told."""
READY_BYTES = 1350
"""Bytes that one ready answer takes beside its target, measured."""
_GET = b"GET "
_PATH = b"GET /v1/search?"
_VERSION = b" HTTP/1.1\r\n"
_SESSION = "X-Session"


class HitPath:
    """Answers what it has seen answered; keeps at most *max_bytes* of ready answers."""

    def __init__(
        self,
        *,
        tiers: Tiers,
        authenticator: Authenticator,
        limits: ClientLimits,
        bodies: EncodedBodies,
        events: Events,
        max_bytes: int,
        origins: bool = False,
        log: HitLog | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tiers = tiers
        self._authenticator = authenticator
        self._limits = limits
        self._bodies = bodies
        self._events = events
        self._max_bytes = max_bytes
        self._vary = "Accept-Encoding, Origin" if origins else "Accept-Encoding"
        self._log = log or HitLog(0.0)
        self._clock = clock
        self._heads = Heads()
        self._ready: LRUCache[bytes, Ready] = LRUCache(
            max(max_bytes, 1), getsizeof=lambda target, _: len(target) + READY_BYTES
        )
        self._counts: Counter[tuple[str, str, tuple[str, float | None], str]] = Counter()
        self._hit: dict[str, Ready] = {}
        self._seconds = 0.0
        self._unchanged = 0
        self._second = 0
        self._date = b""

    @property
    def size(self) -> int:
        """Bytes that the ready answers take."""
        return int(self._ready.current_size())

    def reply(self, data: bytes, peer: str) -> bytes | None:
        """Return the response to *data* from the address *peer*; None: it is not for us.

        What is returned has been counted and has to be sent.
        """
        started = time.perf_counter()
        asked = self._read(data)
        if asked is None:
            return None
        target, head, request_id = asked
        identity = self._authenticator.known(head.credential)
        if identity is None:
            return None
        ready, now = self._standing(target, identity), self._clock()
        if ready is None or now >= ready.until or head.if_none_match not in (b"", ready.tag):
            return None
        body = self._body(ready, head.accept_encoding)
        if body is None:
            return None
        decision = self._limits.decide(identity, peer, head.forwarded_for)
        if decision is not None and not decision.allowed:
            return None
        seconds = time.perf_counter() - started
        self._count(ready, identity.tenant, seconds)
        told = b"" if decision is None else lines_of(rate_headers(decision))
        lines = (ready.lines(now, seconds), told, self._dated(now), request_id or _new_id(), END)
        self._unchanged += bool(head.if_none_match)
        reply = unchanged(lines) if head.if_none_match else found(lines, *body)
        if self._log.drawn:
            self._log.tell(data, reply, ready.source, identity, seconds)
        return reply

    def learn(self, request: Request, asked: Search, answer: Answer, tag: str) -> None:
        """Remember how *request* was answered, if whoever asks next may be told the same."""
        personal = answer.near is not None or _SESSION in request.headers
        # What a source that heeds sessions says of itself (Vary) is not the template's.
        if request.method != "GET" or personal or asked.route.sessions:
            return
        if answer.outcome != "hit" or answer.tier != "memory" or answer.degraded:
            return
        ready = make_ready(answer, asked, tag, self._vary)
        name = _owned(request.raw_path.encode("utf-8", "surrogateescape"), ready.tenant)
        if len(name) + READY_BYTES <= self._max_bytes:
            self._ready.insert(name, ready)

    def flush(self) -> None:
        """Tell of the hits that were counted since the last time."""
        counts, self._counts = self._counts, Counter()
        hit, self._hit = self._hit, {}
        hits = counts.total()
        if not hits:
            return
        seconds, self._seconds = self._seconds / hits, 0.0
        self._events.emit(TierRead("memory", True, seconds, hits))
        same, self._unchanged = self._unchanged, 0
        for status, number in ((200, hits - same), (304, same)):
            if number:
                answered = ("/v1/search", "GET", status, "memory", seconds)
                self._events.emit(Responded(*answered, count=number))
        for (source, key, paid, tenant), count in counts.items():
            told = (source, key, "hit", "memory", seconds, *paid)
            age = max(0.0, self._clock() - hit[key].records.at)
            self._events.emit(Served(*told, tenant, count, age, hit[key].asked))

    def _read(self, data: bytes) -> tuple[bytes, Head, bytes] | None:
        """Return the target of *data*, if that is one plain request, its head and its id's line."""
        if not data.startswith(_PATH) or len(data) > LONGEST:
            return None
        line = data.find(_VERSION)
        if line < 0 or data.find(END, line) != len(data) - len(END):
            return None
        read = self._heads.read(data[line + len(_VERSION) - 2 : -len(END)])
        # What a page of another origin may read is decided where its answer is prepared.
        if read is None or read[0].origin:
            return None
        return data[len(_GET) : line], *read

    def _standing(self, target: bytes, identity: Identity) -> Ready | None:
        """Return what is ready for *identity*, if it may have it and it is what is kept now."""
        name = target
        ready: Ready | None = self._ready.get(name)
        if ready is None:
            name = _owned(target, identity.tenant)
            ready = self._ready.get(name)
        if ready is None or not identity.may(Scope.SEARCH, ready.source):
            return None
        if ready.rests_on(self._tiers.peek(ready.key)):
            return ready
        self._ready.pop(name, None)
        return None

    def _body(self, ready: Ready, accepted: str) -> tuple[tuple[bytes, ...], str] | None:
        coding = encoding.negotiate(accepted)
        if ready.pieces is not None and (ready.short or coding == encoding.IDENTITY) and coding:
            return ready.pieces, encoding.IDENTITY
        kept = self._bodies.find(ready.content, ready.view, coding)
        return None if kept is None else ((kept[0],), kept[1])

    def _count(self, ready: Ready, tenant: str, seconds: float) -> None:
        if not self._counts:
            asyncio.get_running_loop().call_later(FLUSH, self.flush)
        self._counts[ready.source, ready.key, ready.paid, tenant] += 1
        self._hit[ready.key] = ready
        self._seconds += seconds

    def _dated(self, now: float) -> bytes:
        if int(now) != self._second:
            self._second = int(now)
            self._date = f"Date: {formatdate(now, usegmt=True)}\r\nX-Request-Id: ".encode()
        return self._date


class Hits(Protocol):
    """What looks at a request before aiohttp parses it."""

    def reply(self, data: bytes, peer: str) -> bytes | None:
        """Return the response to *data* from the address *peer*; None: it is not for us."""


class NoHits:
    """Looks at nothing."""

    def reply(self, data: bytes, peer: str) -> None:
        """Look away."""


HITS: Final = web.AppKey("hits", HitPath)
"""Of an application: what is answered before a request is parsed."""


def _new_id() -> bytes:
    return b"%016x" % getrandbits(64)


def _owned(target: bytes, tenant: str) -> bytes:
    """Return the name of what *tenant* alone is answered to a target, which has no blank."""
    return tenant.encode() + b" " + target if tenant else target
