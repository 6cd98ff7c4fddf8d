"""Lookups are refused before they are parsed while the process has too much to do.

Refused is only what is plainly one whole lookup that nothing ready answers (`hit_path`). All that
is unusual goes on to the handler, where there is a limit as well (`gateway.shedding`): a batch, a
stream, what is done for operators.
"""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from random import getrandbits
from typing import Protocol

from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE

from adapters.errors import Kind
from gateway.events import Events, Responded
from gateway.shedding import NOBODY, REASON, RETRY_AFTER, Arrival, Door, Nobody, Shedding
from gateway.web.framing import END
from gateway.web.keys import GATEWAY
from gateway.web.problems import MEDIA_TYPE, ProblemError
from gateway.web.request_head import LONGEST, Heads

FLUSH = 0.25
"""Seconds for which refusals are counted before they are told."""
_ROUTE = "/v1/search"
_PATH = b"GET /v1/search?"
_VERSION = b" HTTP/1.1\r\n"
_BODY = ProblemError(
    503,
    REASON,
    kind=Kind.OVERLOADED.value.replace("_", "-"),
    title=Kind.OVERLOADED.consequence.title,
    members={"retry_after": int(RETRY_AFTER)},
).body(_ROUTE)
_REFUSAL = (
    f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: {MEDIA_TYPE}\r\n"
    f"Content-Length: {len(_BODY)}\r\nCache-Control: no-store\r\nRetry-After: {RETRY_AFTER:.0f}\r\n"
    f"Server: {SERVER_SOFTWARE}\r\nX-Content-Type-Options: nosniff\r\n"
)


class Entrance(Protocol):
    """Where a request comes in, before it is parsed."""

    def refuse(self, data: bytes) -> bytes | None:
        """Return what is said to *data* at once; None: it may come in."""

    def arrive(self, data: bytes) -> Arrival | Nobody:
        """Return the place of *data* at the door."""


class LookupEntrance:
    """Counts who comes in at *door*, and refuses who finds it full."""

    def __init__(self, door: Door, events: Events) -> None:
        self._door = door
        self._events = events
        self._heads = Heads()
        self._untold = 0

    def refuse(self, data: bytes) -> bytes | None:
        """Return the refusal of *data*; None: it may come in, or is not for us.

        What is returned has been counted and has to be sent.
        """
        if not self._door.full or not _is_lookup(data):
            return None
        line = data.find(_VERSION)
        read = self._heads.read(data[line + len(_VERSION) - 2 :])
        # What a page of another origin may read is decided where its answer is prepared.
        if read is None or read[0].origin:
            return None
        self._count()
        request_id = read[1].decode() or f"{getrandbits(64):016x}"
        moment = f"Date: {formatdate(usegmt=True)}\r\nX-Request-Id: {request_id}\r\n\r\n"
        return (_REFUSAL + moment).encode() + _BODY

    def arrive(self, data: bytes) -> Arrival | Nobody:
        """Return the place of *data* at the door, if it is a lookup."""
        return self._door.arrive() if _is_lookup(data) else NOBODY

    def _count(self) -> None:
        self._door.refused += 1
        if not self._untold:
            asyncio.get_running_loop().call_later(FLUSH, self._tell)
        self._untold += 1

    def _tell(self) -> None:
        count, self._untold = self._untold, 0
        self._events.emit(Responded(_ROUTE, "GET", 503, "", 0.0, count=count))


def entrance_of(app: web.Application) -> Entrance:
    """Return the entrance of *app*; it is open where nothing is looked up."""
    gateway = app.get(GATEWAY)
    if gateway is None:
        return LookupEntrance(Shedding().door, Events())
    return LookupEntrance(gateway.resolver.shedding.door, gateway.events)


def _is_lookup(data: bytes) -> bool:
    if not data.startswith(_PATH) or len(data) > LONGEST:
        return False
    line = data.find(_VERSION)
    return line > 0 and data.find(END, line) == len(data) - len(END)
