"""``GET /v1/events``: what happens, as server-sent events that can be resumed by their id."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import orjson
from aiohttp import web
from aiohttp.web_request import Request

from gateway.access.identity import Identity, Scope
from gateway.outbox import concerns
from gateway.streaming import StreamSpec
from gateway.web.keys import GATEWAY, IDENTITY
from gateway.web.problems import ProblemError, bad_parameter
from gateway.web.sse import EventStream
from storage.journal import Journal, Line, place
from storage.tier import TierError

ENDING: Final = web.AppKey("ending", asyncio.Event)
"""Set when the application stops."""
AT_ONCE = 500
"""Lines that are read together."""


async def events(request: Request) -> web.StreamResponse:
    """Tell what happens from now on, or after the ``Last-Event-ID`` that the client has.

    Raise `ProblemError` 400 for an id that is none and 503 while the journal cannot be read.
    """
    gateway, identity = request.app[GATEWAY], request[IDENTITY]
    after = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    if after and place(after) is None:
        raise bad_parameter("Last-Event-ID", "an id that an event had is wanted")
    journal = gateway.journal
    try:
        whole = not after or await journal.whole(after)
        after = after or await journal.latest()
    except TierError as error:
        raise ProblemError(503, "the events cannot be read at this time") from error
    telling = _Telling(journal, identity, request.app[ENDING], gateway.config.server.stream)
    return await telling.to(request, after, whole=whole)


def end_events(app: web.Application) -> None:
    """Have *app* end these streams when it stops: they would never end by themselves."""
    app[ENDING] = asyncio.Event()

    async def end(_app: web.Application) -> None:
        app[ENDING].set()

    app.on_shutdown.append(end)


class _Telling:
    """One client's stream, from *journal* until *ending* is set."""

    def __init__(
        self, journal: Journal, identity: Identity, ending: asyncio.Event, spec: StreamSpec
    ) -> None:
        self._journal = journal
        self._identity = identity
        self._ending = ending
        self._spec = spec

    async def to(self, request: Request, after: str, *, whole: bool) -> web.StreamResponse:
        async with EventStream(request, self._spec.stall) as stream:
            if not whole:
                await stream.send("gap", b"{}")
            await stream.beat()
            while not self._ending.is_set() and time.time() < self._identity.until:
                news = self._journal.news  # asked for before the look: nothing falls between
                lines = await self._lines(after)
                for line in lines:
                    after = line.id
                    kind = self._kind(line)
                    if kind:
                        await stream.send(kind, line.body, number=line.id)
                if not lines and not await self._woken(news):
                    await stream.beat()
        return stream.response

    async def _lines(self, after: str) -> list[Line]:
        try:
            return await self._journal.since(after, AT_ONCE)
        except TierError:  # Redis is away: it is waited for
            return []

    async def _woken(self, news: asyncio.Event) -> bool:
        """Return whether there is news, or an end, before a beat of the heart is due."""
        waits = [asyncio.ensure_future(event.wait()) for event in (news, self._ending)]
        try:
            done, _ = await asyncio.wait(
                waits, timeout=self._spec.heartbeat, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()
        return bool(done)

    def _kind(self, line: Line) -> str:
        """Return the type of what *line* tells; empty if it is not for this client."""
        event, who = orjson.loads(line.body), self._identity
        known = who.may(Scope.ADMIN) or concerns(event, who.tenant, who.sources)
        return str(event["type"]) if known else ""
