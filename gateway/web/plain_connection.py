"""A client connection whose plain lookups are answered without a parser (`plain`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.web.connection import AccessLog, Connection, connection
from gateway.web.entrance import Entrance, entrance_of
from gateway.web.hit_path import Hits
from gateway.web.keys import GATEWAY
from gateway.web.looks import looks_of
from gateway.web.plain import PLAIN, PlainLookups
from gateway.web.plain_request import Plain
from gateway.web.seating import SeatedConnection, Usher
from gateway.web.seats import SEATS, Asked, Seats

_LATER = b""
"""What is said at once to who is answered in a moment."""
MOST_HELD = 64 << 10
"""Bytes of what comes meanwhile, after which no more is read."""


class PlainUsher(Usher):
    """The entrance of one connection: who finds no seat may be answered without a parser."""

    __slots__ = ("_begin",)

    def __init__(
        self,
        guest: PlainConnection,
        entrance: Entrance,
        seats: Seats,
        begin: Callable[[Asked], bool],
    ) -> None:
        super().__init__(guest, entrance, seats)
        self._begin = begin

    def refuse(self, data: bytes) -> bytes | None:
        """Do as `Usher` does; nothing is said at once to who will be answered."""
        refusal = super().refuse(data)
        first = self.first
        # Who leaves a seat goes the whole way, as does who has nothing that others may share.
        if refusal is None and first is not None and self._begin(first.asked):
            return _LATER
        return refusal


class PlainConnection(SeatedConnection):
    """Answers plain lookups one at a time; what comes meanwhile is read afterwards."""

    __slots__ = ("_answering", "_held", "_lookups")

    def __init__(
        self,
        server: web.Server,
        hits: Hits,
        entrance: Entrance,
        seats: Seats,
        *,
        lookups: PlainLookups,
        **options: Any,
    ) -> None:
        super().__init__(server, hits, entrance, seats, **options)
        self._entrance = self._usher = PlainUsher(self, entrance, seats, self._begin)
        self._lookups = lookups
        self._answering: asyncio.Task[None] | None = None
        self._held = b""

    def _meanwhile(self, data: bytes) -> None:
        """Hold *data* until what is being answered is; do as `SeatedConnection` does else."""
        if self._answering is None:
            super()._meanwhile(data)
            return
        self._held += data
        if len(self._held) > MOST_HELD and self.transport is not None:
            self.transport.pause_reading()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        """End; what is being answered is answered first, within *timeout* seconds."""
        answering = self._answering
        if answering is not None:
            await asyncio.wait([answering], timeout=timeout)
            answering.cancel()
        await super().shutdown(timeout)

    def _begin(self, asked: Asked) -> bool:
        """Begin to answer what is *asked*, if it is a plain lookup; return whether it is."""
        plain = self._lookups.requests.read(asked)
        if plain is None:
            return False
        self.arrival = self._usher.arrive(asked.data)
        self._answering = self._loop.create_task(self._answer(plain))
        return True

    async def _answer(self, plain: Plain) -> None:
        try:
            reply = await self._lookups.answer(plain, self.arrival)
            if self.transport is not None:
                self.transport.write(reply.data)
                self._heard = True
            self._lookups.tell(plain, reply)
        finally:
            self._answering = None
            self._aside = False
            self._usher.end()
            self._go_on()

    def _go_on(self) -> None:
        """Read what came meanwhile; one that is closing takes nothing further."""
        held, self._held = self._held, b""
        if self.transport is None:
            return
        if self._close:
            self.transport.close()
        elif held:
            if len(held) > MOST_HELD:
                self.transport.resume_reading()
            self.data_received(held)


def connections_of(app: web.Application) -> Callable[[web.Server], Connection]:
    """Return what makes the protocol of each client of *app*.

    Where there are traces all lookups go the whole way: each has a span of its own.
    """
    hits, entrance = looks_of(app), entrance_of(app)
    gateway, seats, lookups = app.get(GATEWAY), app.get(SEATS), app.get(PLAIN)
    if gateway is None or seats is None or lookups is None or gateway.observing.tracing.on:
        return lambda server: connection(server, hits, entrance)
    return lambda server: PlainConnection(
        server,
        hits,
        entrance,
        seats,
        lookups=lookups,
        loop=server._loop,
        access_log_class=AccessLog,
        auto_decompress=False,
    )
