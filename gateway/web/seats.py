"""Who asks what another asks at this moment: seated before they are parsed, answered with them.

The rules:

1. The first who asks goes the whole way. Whoever asks the same meanwhile, byte for byte, has a seat
   at their table; what is everybody's is one table for all, and else each tenant has its own.
2. It is for exactly one plain GET (`request_head`) of somebody who is known and may search there,
   sent while nothing else is being answered on its connection (`seating`).
3. When the first is answered, all are, from the same bytes: each in their own coding, with their
   own id and time, and counted in their own limit (`shared_answer`).
4. Who may not have that, has asked too often or wants something else besides goes the whole way
   then, as all do where there was no answer: nothing is decided here.
5. What an answer is counted in counts here too, for all who had the same at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from itertools import islice
from time import perf_counter
from typing import Final, NamedTuple, Protocol

from aiohttp import web
from aiohttp.web_request import Request

from gateway.access.identity import Scope
from gateway.answer import Answer
from gateway.flights import Flights
from gateway.route import Route
from gateway.web.caller import Caller, own
from gateway.web.parameters import Search
from gateway.web.recognition import Recognition
from gateway.web.request_head import LONGEST, Head
from gateway.web.shared_answer import Answers, Seat
from storage.entry import Entry
from storage.tiers import UNKNOWN, Tiers

AT_ONCE = 32
"""So many go the whole way before the loop looks after its connections again."""
_GET = b"GET "
_PATH = b"GET /v1/search?"
_VERSION = b" HTTP/1.1"
_SOURCE = re.compile(rb"[?&]source=([A-Za-z0-9_-]+)(?=&|$)")


class Guest(Protocol):
    """A connection whose request may be answered with another's."""

    def answered(self, reply: bytes) -> None:
        """Send *reply*, the whole answer."""

    def go_on(self) -> None:
        """Have the request parsed."""


class Asked(NamedTuple):
    """A lookup that was read without a parser."""

    data: bytes
    line: bytes
    """Its first line without the version."""
    head: Head
    request_id: bytes
    caller: Caller


class Table:
    """Those who wait for what *first* is answered."""

    __slots__ = ("asked", "first", "name", "seats")

    def __init__(self, name: bytes, first: Guest, asked: Asked) -> None:
        self.name = name
        self.first = first
        self.asked = asked
        """What *first* has sent."""
        self.seats: dict[Guest, Seat] = {}


class Seats:
    """The tables, each by its request line without the version, behind its tenant where it has one.

    *routes* are the sources, by name; a caller who has a seat waits like one of *flights*; *clock*
    gives Unix seconds.
    """

    def __init__(
        self,
        *,
        routes: Mapping[str, Route],
        flights: Flights[Entry],
        tiers: Tiers,
        recognition: Recognition,
        clock: Callable[[], float],
        answers: Answers,
    ) -> None:
        self._routes = {name.encode(): route for name, route in routes.items()}
        self._flights = flights
        self._tiers = tiers
        self._recognition = recognition
        self._clock = clock
        self._answers = answers
        self._tables: dict[bytes, Table] = {}

    def take(self, guest: Guest, data: bytes, peer: str) -> Table | None:
        """Return where *guest* at *peer* sits, who has sent *data*, or the table that they are the
        first of; None: they have nothing to share.
        """
        if not data.startswith(_PATH) or len(data) > LONGEST:
            return None
        line, _, block = data.partition(_VERSION)
        source, read = _SOURCE.search(line), self._recognition.heads.read(block)
        route = None if source is None else self._routes.get(source[1])
        if route is None or read is None or route.sessions or route.location is not None:
            return None
        head, request_id = read
        caller = self._recognition.caller(head, peer, self._clock())
        if caller is None or not (caller.coding and caller.identity.may(Scope.SEARCH, route.name)):
            return None
        name = line if route.share == "public" else caller.own + line
        table = self._tables.get(name)
        if table is None:
            asked = Asked(data, line, head, request_id, caller)
            table = self._tables[name] = Table(name, guest, asked)
        elif self._flights.crowded:
            return None
        else:
            mark = self._tiers.mark
            table.seats[guest] = Seat(data, caller, head, request_id, mark, perf_counter())
            self._flights.aside += 1
        return table

    def leave(self, guest: Guest, table: Table) -> bytes:
        """Give up the seat; return what *guest* has sent, empty if it sits there no more."""
        seat = table.seats.pop(guest, None)
        if seat is None:
            return b""
        self._flights.aside -= 1
        return seat.data

    def serve(
        self, request: Request, search: Search, answer: Answer, content: str, tag: str
    ) -> None:
        """Answer all who sit where *request* is answered with *answer*, if that is theirs as well.

        *content* is the tag of its content, and *tag* that of it as it is shown. No session shapes
        an answer for which anybody sits (`take`).
        """
        line = _GET + request.raw_path.encode("utf-8", "surrogateescape")
        self.serve_line(line, search, answer, content, tag)

    def serve_line(
        self, line: bytes, search: Search, answer: Answer, content: str, tag: str
    ) -> None:
        """Do as `serve`, for the request whose first line without its version is *line*."""
        shared = search.route.share == "public"
        table = self._tables.get(line if shared else own(search.lookup.tenant) + line)
        if table is None or not table.seats:
            return
        said = self._answers.of(search, answer, content, tag)
        # Who came after a withdrawal does not have what was fetched before it (design §7).
        entry, to_all = answer.entry, self._tiers.serves(answer.entry, UNKNOWN)
        for guest, seat in list(table.seats.items()):
            if not (to_all or entry.position >= seat.mark):
                continue
            reply = said.reply(seat)
            if reply is not None:
                self.leave(guest, table)
                guest.answered(reply)
        said.tell()

    def clear(self, table: Table) -> None:
        """Take *table* away, whose first is answered or gone: who is left goes the whole way."""
        if self._tables.get(table.name) is table:
            del self._tables[table.name]
        # Some at a time: the loop looks after its connections in between.
        for guest in list(islice(table.seats, AT_ONCE)):
            guest.go_on()
        if table.seats:
            asyncio.get_running_loop().call_soon(self.clear, table)


SEATS: Final = web.AppKey("seats", Seats)
"""Of an application: who waits for what another is answered."""
