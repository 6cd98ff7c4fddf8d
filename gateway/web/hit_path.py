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
5. What an answer is counted in counts here too, in batches (`hit_counts`); limits count at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from random import randbytes
from typing import Final, Protocol

from aiohttp import web
from aiohttp.web_request import Request
from cachebox import LRUCache

from gateway.access.authenticator import Authenticator
from gateway.access.identity import Identity
from gateway.answer import Answer
from gateway.events import Events
from gateway.web import encoding
from gateway.web.caller import Caller, make_caller, own
from gateway.web.encoding import EncodedBodies
from gateway.web.hit_counts import HitCounts
from gateway.web.hit_log import HitLog
from gateway.web.limits import ClientLimits, rate_lines
from gateway.web.parameters import Search
from gateway.web.ready import READY_BYTES, Ready, make_ready
from gateway.web.request_head import LONGEST, Head, Heads
from storage.entry import Entry
from storage.memory import unpack
from storage.tiers import Tiers

_GET = b"GET "
_PATH = b"GET /v1/search?"
_VERSION = b" HTTP/1.1"
_SESSION = "X-Session"
_Asked = tuple[Ready, Caller, Head, bytes, float]


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
        clock: Callable[[], float],
    ) -> None:
        self._tiers = tiers
        self._authenticator = authenticator
        self._limits = limits
        self._bodies = bodies
        self._max_bytes = max_bytes
        self._vary = "Accept-Encoding, Origin" if origins else "Accept-Encoding"
        self._log = log or HitLog(0.0)
        self._clock = clock
        self._counts = HitCounts(events, tiers, clock)
        self._heads = Heads()
        self._ready: LRUCache[bytes, Ready] = LRUCache(
            max(max_bytes, 1), getsizeof=lambda line, _: len(line) + READY_BYTES
        )
        self._ids = _new_ids()
        self._second = 0.0
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
        asked = self._asked(data, peer)
        if asked is None:
            return None
        ready, caller, head, request_id, now = asked
        body, same = self._body(ready, caller.coding), head.if_none_match
        if body is None or (same and same != ready.tag):
            return None
        told = self._limit(caller)
        if told is None:
            return None
        seconds = time.perf_counter() - started
        moment = now, seconds, told, self._dated(now), request_id or next(self._ids)
        if same:
            reply = ready.unchanged(moment)
        else:
            pieces, length, coding = body
            reply = b"".join((ready.found(length, coding, moment), *pieces))
        self._counts.add(ready, caller.identity.tenant, seconds, same=bool(same))
        if self._log.drawn:
            self._log.tell(data, reply, ready.asked.source, caller.identity, seconds)
        return reply

    def learn(self, request: Request, asked: Search, answer: Answer, tag: str) -> None:
        """Remember how *request* was answered, if whoever asks next may be told the same."""
        personal = answer.near is not None or _SESSION in request.headers
        # What a source that heeds sessions says of itself (Vary) is not the template's.
        if request.method != "GET" or personal or asked.route.sessions:
            return
        if answer.outcome != "hit" or answer.tier != "memory" or answer.degraded:
            return
        kept = self._tiers.handle(answer.entry.key)
        entry = None if kept is None else unpack(kept)
        # It may have been replaced since it was found.
        if kept is None or entry is None or not _same(entry, answer.entry):
            return
        ready = make_ready(answer, asked, tag, self._vary, kept)
        line = _GET + request.raw_path.encode("utf-8", "surrogateescape")
        name = own(ready.tenant) + line if ready.tenant else line
        if len(name) + READY_BYTES <= self._max_bytes:
            self._ready.insert(name, ready)

    def flush(self) -> None:
        """Tell at once of the hits that were counted since the last time."""
        self._counts.flush()

    def _asked(self, data: bytes, peer: str) -> _Asked | None:
        """Return what is asked by whom, if that is one plain request for what is ready."""
        if not data.startswith(_PATH) or len(data) > LONGEST:
            return None
        line, _, block = data.partition(_VERSION)
        read = self._heads.read(block)
        if read is None:
            return None
        head, request_id = read
        # What a page of another origin may read is decided where its answer is prepared.
        identity = None if head.origin else self._authenticator.known(head.credential)
        if identity is None:
            return None
        caller, now = self._caller(head, identity, peer), self._clock()
        ready = self._standing(line, caller, now)
        return None if ready is None else (ready, caller, head, request_id, now)

    def _limit(self, caller: Caller) -> bytes | None:
        """Count a request of *caller*; return the lines on what is left, None when that is none."""
        if caller.client is None:
            return b""
        decision = self._limits.count(caller.client)
        return rate_lines(decision) if decision.allowed else None

    def _caller(self, head: Head, identity: Identity, peer: str) -> Caller:
        caller = head.caller
        if caller is None or caller.identity is not identity or caller.peer != peer:
            client = self._limits.client(identity, peer, head.forwarded_for)
            caller = make_caller(identity, peer, client, head.accept_encoding)
            head.caller = caller
        return caller

    def _standing(self, line: bytes, caller: Caller, now: float) -> Ready | None:
        """Return what is ready for *caller*, if they may have it and it is what is kept now."""
        name = line
        ready: Ready | None = self._ready.get(name)
        if ready is None:
            name = caller.own + line
            ready = self._ready.get(name)
        if ready is None or not caller.searches or now >= ready.until:
            return None
        sources = caller.identity.sources
        if sources is not None and ready.asked.source not in sources:
            return None
        if self._tiers.stands(ready.kept):
            return ready
        self._ready.pop(name, None)
        return None

    def _body(self, ready: Ready, coding: str) -> tuple[tuple[bytes, ...], int, str] | None:
        """Return the pieces of the body, their length and coding; None: it has to be made."""
        tail = ready.tail
        if tail and (ready.short or coding == encoding.IDENTITY) and coding:
            json = ready.kept.json
            return (json, tail), len(json) + len(tail), encoding.IDENTITY
        kept = self._bodies.find(ready.content, ready.view, coding)
        return None if kept is None else ((kept[0],), len(kept[0]), kept[1])

    def _dated(self, now: float) -> bytes:
        if not self._second <= now < self._second + 1:
            self._second = float(int(now))
            self._date = f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
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


def _same(one: Entry, other: Entry) -> bool:
    return one.records == other.records and one.summary == other.summary


def _new_ids() -> Iterator[bytes]:
    """Yield names for requests that have none; many are drawn at a time."""
    while True:
        drawn = randbytes(8192).hex().encode()  # noqa: S311 - no secret
        for at in range(0, len(drawn), 16):
            yield drawn[at : at + 16]
