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

from collections.abc import Callable
from email.utils import formatdate
from random import randbytes
from time import perf_counter
from typing import Final, Protocol

from aiohttp import web
from aiohttp.web_request import Request

from gateway.answer import Answer
from gateway.events import Events
from gateway.web.caller import Caller, own
from gateway.web.encoding import EncodedBodies
from gateway.web.hit_counts import HitCounts
from gateway.web.hit_log import HitLog
from gateway.web.limits import ClientLimits
from gateway.web.parameters import Search
from gateway.web.ready import READY_BYTES, Ready, make_ready
from gateway.web.recent import Recent
from gateway.web.recognition import Recognition
from gateway.web.request_head import LONGEST, Head
from storage.entry import Entry
from storage.memory import unpack
from storage.tiers import Tiers
from storage.withdrawals import Withdrawals

_GET: Final = b"GET "
_PATH: Final = b"GET /v1/search?"
_VERSION: Final = b" HTTP/1.1"
_SESSION: Final = "X-Session"
_IDENTITY: Final = "identity"
_elapsed: Final = perf_counter
_ID: Final = 16
"""Hexadecimal digits of a request's name."""


class HitPath:
    """Answers what it has seen answered; keeps at most *max_bytes* of ready answers."""

    def __init__(
        self,
        *,
        tiers: Tiers,
        recognition: Recognition,
        limits: ClientLimits,
        bodies: EncodedBodies,
        events: Events,
        max_bytes: int,
        origins: bool = False,
        log: HitLog | None = None,
        clock: Callable[[], float],
    ) -> None:
        self._tiers = tiers
        self._withdrawals: Withdrawals = tiers.withdrawals
        self._recognition = recognition
        self._heads = recognition.heads
        self._steady = limits.clock
        self._bodies = bodies
        self._vary = "Accept-Encoding, Origin" if origins else "Accept-Encoding"
        self._lines = log or HitLog(0.0)
        self._untold: float = self._lines.draw()
        self._clock = clock
        self._counts = HitCounts(events, clock)
        self._ready: Recent[bytes, Ready] = Recent(max_bytes, lambda name: len(name) + READY_BYTES)
        self._ids = b""
        self._id_at = 0
        self._second = 0.0
        self._date = b""

    @property
    def size(self) -> int:
        """Bytes that the ready answers take."""
        return self._ready.weight

    def reply(self, data: bytes, peer: str) -> bytes | None:
        """Return the response to *data* from the address *peer*; None: it is not for us.

        What is returned has been counted and has to be sent.
        """
        started = _elapsed()
        if not data.startswith(_PATH) or len(data) > LONGEST:
            return None
        end = data.find(_VERSION)
        if end < 0:
            return None
        line, block = data[:end], data[end + len(_VERSION) :]
        read = self._heads.read(block)
        if read is None:
            return None
        head, request_id = read
        now = self._clock()
        caller = self._recognition.caller(head, peer, now)
        if caller is None:
            return None
        ready = self._standing(line, caller, now)
        if ready is None:
            return None
        return self._answer(data, ready, caller, head, (started, now, request_id))

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
        self._ready.insert(own(ready.tenant) + line if ready.tenant else line, ready)

    def flush(self) -> None:
        """Tell at once of the hits that were counted since the last time."""
        self._counts.flush()

    def _standing(self, line: bytes, caller: Caller, now: float) -> Ready | None:
        """Return what is ready for *caller*, if they may have it and it is what is kept now."""
        found, name = self._ready, line
        ready = found.young.get(name) or found.recall(name)
        if ready is None:
            name = caller.own + line
            ready = found.young.get(name) or found.recall(name)
        if ready is None or now >= ready.until:
            return None
        sources = caller.sources
        if sources is not None and ready.asked.source not in sources:
            return None
        kept = ready.kept
        if kept.json and (self._withdrawals.untouched(kept.position) or self._tiers.stands(kept)):
            return ready
        found.pop(name)
        return None

    def _answer(
        self, data: bytes, ready: Ready, caller: Caller, head: Head, at: tuple[float, float, bytes]
    ) -> bytes | None:
        """Return the response of *ready* to *caller*, counted; None: the handler has to make it."""
        body, same, client = self._body(ready, caller), head.if_none_match, caller.client
        if body is None or (same and same != ready.tag):
            return None
        told = b"" if client is None else client.lines(self._steady())
        if told is None:
            return None
        started, now, request_id = at
        if not 0 <= now - self._second < 1:
            self._begin_second(now)
        seconds = _elapsed() - started
        moment = now, seconds, told, self._date, request_id or self._new_id()
        if same:
            reply = ready.unchanged(moment)
            self._counts.unchanged()
        else:
            content, tail, coding = body
            reply = ready.found(coding, content, tail, moment)
        self._counts.add(ready, caller.tenant, seconds)
        self._untold -= 1
        if self._untold < 0:
            self._tell(data, reply, ready, caller, seconds)
        return reply

    def _body(self, ready: Ready, caller: Caller) -> tuple[bytes, bytes, str] | None:
        """Return both pieces of the body and their coding; None: it has to be made."""
        tail = ready.tail
        if tail and (caller.plain or (ready.short and caller.coding)):
            return ready.kept.json, tail, _IDENTITY
        kept = self._bodies.find(ready.content, ready.view, caller.coding)
        return None if kept is None else (kept[0], b"", kept[1])

    def _new_id(self) -> bytes:
        """Return the name of a request that has none; many are drawn at a time."""
        at = self._id_at
        if at >= len(self._ids):
            at, self._ids = 0, randbytes(8192).hex().encode()  # noqa: S311 - no secret
        self._id_at = at + _ID
        return self._ids[at : at + _ID]

    def _begin_second(self, now: float) -> None:
        self._second = float(int(now))
        self._date = f"Date: {formatdate(now, usegmt=True)}\r\n".encode()

    def _tell(
        self, data: bytes, reply: bytes, ready: Ready, caller: Caller, seconds: float
    ) -> None:
        self._untold = self._lines.draw()
        if self._lines.room:
            self._lines.tell(data, reply, ready.asked.source, caller.identity, seconds)


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
