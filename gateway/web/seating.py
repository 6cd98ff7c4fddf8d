"""A client connection whose request may be answered together with another's (`seats`)."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from gateway.shedding import Arrival, Nobody
from gateway.web.connection import Connection
from gateway.web.entrance import Entrance
from gateway.web.hit_path import Hits
from gateway.web.seats import Guest, Seats, Table

_LATER = b""
"""What is said at once to who will be answered without a parser, but not yet."""


class Usher:
    """The entrance of one connection: who finds a seat needs no place inside."""

    __slots__ = ("_entrance", "_guest", "_seats", "first", "peer", "table")

    def __init__(self, guest: Guest, entrance: Entrance, seats: Seats) -> None:
        self._guest = guest
        self._entrance = entrance
        self._seats = seats
        self.peer = ""
        self.table: Table | None = None
        """Where the guest sits."""
        self.first: Table | None = None
        """Where others sit for what the guest is answered."""

    def refuse(self, data: bytes) -> bytes | None:
        """Return what is said to *data* at once, nothing to who has a seat; None: it may come in.

        Nobody is seated twice: who leaves a seat goes the whole way.
        """
        if self.table is None:
            table = self._seats.take(self._guest, data, self.peer)
            if table is not None and table.first is not self._guest:
                self.table = table
                return _LATER
            self.first = table
        refusal = self._entrance.refuse(data)
        if refusal is not None:
            self.end()
        return refusal

    def arrive(self, data: bytes) -> Arrival | Nobody:
        """Return the place of *data* at the door."""
        return self._entrance.arrive(data)

    def leave(self) -> bytes:
        """Give up the seat; return what was sent, empty if there is none to give up."""
        return b"" if self.table is None else self._seats.leave(self._guest, self.table)

    def end(self) -> None:
        """Have those go on who wait for the guest's answer."""
        first, self.first = self.first, None
        if first is not None:
            self._seats.clear(first)


class SeatedConnection(Connection):
    """Sits while what it asks for is being answered to another."""

    __slots__ = ("_usher",)

    def __init__(
        self, server: web.Server, hits: Hits, entrance: Entrance, seats: Seats, **options: Any
    ) -> None:
        self._usher = Usher(self, entrance, seats)
        super().__init__(server, hits, self._usher, **options)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the usher is told who it is."""
        super().connection_made(transport)
        self._usher.peer = self._peer

    def _meanwhile(self, data: bytes) -> None:
        """Give up the seat: who sends more while they sit goes the whole way with it."""
        self.go_on()
        self.data_received(data)

    def answered(self, reply: bytes) -> None:
        """Send *reply*, the whole answer."""
        self._usher.table = None
        self._aside = False
        if self.transport is not None:
            self.transport.write(reply)
            self._heard = True

    def go_on(self) -> None:
        """Have the request parsed that has waited, if one has."""
        if self._usher.table is None:
            return
        self._aside = False
        data = self._usher.leave()
        if data:
            self.data_received(data)
        self._usher.table = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """End; who has left sits nowhere, and nobody waits for them."""
        self._usher.leave()
        self._usher.end()
        super().connection_lost(exc)

    def close(self) -> None:
        """Take nothing further, and answer what has come."""
        self.go_on()
        super().close()

    async def _handle_request(
        self, request: Any, start_time: float | None, request_handler: Any
    ) -> tuple[web.StreamResponse, bool]:
        """Answer *request*; who has waited for that and has it not goes on."""
        try:
            return await super()._handle_request(request, start_time, request_handler)
        finally:
            self._usher.end()
